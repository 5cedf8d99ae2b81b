"""What a route tells the log, the metrics and the reply's headers of a request that it answered."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request


@dataclass(slots=True)
class Seen:
    """Filled in by the route, read when the reply goes out."""

    model: str = ""
    items: int = 0
    prompt_tokens: int = 0
    written_tokens: int = 0
    queue_s: float = 0.0
    compute_s: float = 0.0
    finish: str = ""
    key: str = ""
    """The name of the key."""
    code: str = ""
    """Of what was wrong."""

    @property
    def headers(self) -> dict[str, str]:
        """Times in milliseconds."""
        return {
            "x-queue-time": f"{self.queue_s * 1e3:.3f}",
            "x-inference-time": f"{self.compute_s * 1e3:.3f}",
            "x-compute-tokens": str(self.prompt_tokens + self.written_tokens),
        }


def seen_of(request: Request) -> Seen:
    """Return what is known of this request."""
    found: Seen = request.scope["penjing"]
    return found
