"""`transcribe(…)`: what a recording says."""

from __future__ import annotations

from functools import lru_cache

from penjing.sounds.read import Source, read_sound
from penjing.transcription.model import Precision, Transcriber, Transcript, Wish
from penjing.transcription.references import open_transcriber


def transcribe(
    audio: Source,
    *,
    model: str = "package:whisper-tiny.en",
    language: str | None = None,
    beam: int = 1,
    precision: Precision = "float32",
    threads: int = 2,
) -> Transcript:
    """Return what is said in a recording: text, language, and segments with their times.

        >>> transcribe("meeting.mp3", model="package:whisper-base", language="zh").text                # doctest: +SKIP
        '我们开始吧。'

    `audio` is a file (wav, flac, mp3, ogg, opus, aiff) of any rate, channels and length up to four hours, or its bytes.
    `model` is `package:whisper-tiny.en` (English), `package:whisper-base`, `hf:org/name` or a folder in CTranslate2's
    format. Without a `language` (a code such as "zh") it is heard from the first thirty seconds. `precision` "int8"
    is faster, and may hear a little worse.

    Raises:
        DataError: the recording cannot be read.
        ModelError: there is no such model.
        TaskError: the model does not know the language.
        MissingExtraError: extra `speech`, or the model's package, is not installed.
    """
    samples = read_sound(audio)
    return _kept(model, threads, precision).transcribe(samples, Wish(language, beam))


@lru_cache(maxsize=2)
def _kept(model: str, threads: int, precision: Precision) -> Transcriber:
    return open_transcriber(model, threads=threads, precision=precision)
