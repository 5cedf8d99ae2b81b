"""Transcripts as text, JSON and subtitles (SubRip and WebVTT)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

from penjing.transcription.model import Transcript


def as_text(transcript: Transcript) -> str:
    """Return the text alone."""
    return transcript.text + "\n"


def as_json(transcript: Transcript) -> str:
    """Return everything as a JSON object on a line."""
    return json.dumps(asdict(transcript), ensure_ascii=False) + "\n"


def as_srt(transcript: Transcript) -> str:
    """Return SubRip subtitles."""
    blocks = (
        f"{number}\n{clock(one.start, ',')} --> {clock(one.end, ',')}\n{one.text}\n"
        for number, one in enumerate(transcript.segments, start=1)
    )
    return "\n".join(blocks)


def as_vtt(transcript: Transcript) -> str:
    """Return WebVTT subtitles."""
    blocks = (
        f"{clock(one.start, '.')} --> {clock(one.end, '.')}\n{_harmless(one.text)}\n" for one in transcript.segments
    )
    return "\n".join(["WEBVTT\n", *blocks])


def _harmless(text: str) -> str:
    """Return a text that no player takes for tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "--&gt;")


def clock(seconds: float, point: str) -> str:
    """Return a time as subtitles write it.

    >>> clock(3661.5, ",")
    '01:01:01,500'
    """
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


FORMATS: Mapping[str, Callable[[Transcript], str]] = {"text": as_text, "json": as_json, "srt": as_srt, "vtt": as_vtt}
