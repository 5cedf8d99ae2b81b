"""Every limit of the server on one screen; whatever a client can multiply has one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken at the most; more is refused, never cut in silence."""

    body_bytes: int = 2 * 2**20
    file_body_bytes: int = 25 * 2**20
    """Of a request with pictures or sounds."""
    file_requests: int = 12
    """Requests with pictures or sounds at once, for all clients together: each holds its body."""
    decoding: int = 2
    """Files that are decoded at once, of one model."""
    sound_s: float = 1_200.0
    """Of one sound or recording."""
    waiting_recordings: int = 8
    """Recordings that wait to be transcribed."""
    transcribe_deadline_s: float = 600.0
    receive_s: float = 15.0
    """From a request's first byte to its last."""
    items: int = 64
    """Texts of one request."""
    characters: int = 200_000
    """Of one text, or of one conversation."""
    waiting_items: int = 512
    waiting_tokens: int = 65_536
    """Of a classifier, for all clients together."""
    batch_tokens: int = 2_048
    """Of one batch, padding included."""
    deadline_s: float = 30.0
    """Of a classification."""
    max_tokens: int = 4_096
    """Of one written answer."""
    answers: int = 8
    """Of one prompt (`n`)."""
    streams: int = 4
    """Answers written at once."""
    waiting_streams: int = 32
    """Answers that wait for their turn."""
    write_deadline_s: float = 300.0
    silence_s: float = 60.0
    """Between two pieces of an answer; an engine that is silent for longer is ended and started again."""
    drain_s: float = 30.0
    """For what is in flight, after the server was asked to end."""
