"""What Prometheus reads: requests, tokens, queues, times. One registry a server; no label that a client can invent."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = tuple(1e-4 * 1.5**power for power in range(32))  # 0.1 ms to half a minute
_SIZES = tuple(2.0**power for power in range(13))


class Metrics:
    """The server's figures; names end in their unit."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.requests = Counter(
            "penjing_requests", "Requests by route, model and status.", ("route", "model", "status"), registry=registry
        )
        self.rejected = Counter("penjing_rejected", "Requests refused, by code.", ("code",), registry=registry)
        self.seconds = Histogram(
            "penjing_request_seconds", "From a request to its answer.", ("route",), buckets=_SECONDS, registry=registry
        )
        self.queue_seconds = Histogram(
            "penjing_queue_seconds", "Waiting for a batch or a turn.", ("model",), buckets=_SECONDS, registry=registry
        )
        self.first_token_seconds = Histogram(
            "penjing_first_token_seconds", "From a prompt to the first piece of its answer.", ("model",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.prompt_tokens = Counter("penjing_prompt_tokens", "Tokens read.", ("model",), registry=registry)
        self.written_tokens = Counter("penjing_written_tokens", "Tokens written.", ("model",), registry=registry)
        self.batch_items = Histogram(
            "penjing_batch_items", "Items of a batch.", ("model",), buckets=_SIZES, registry=registry
        )
        self.batch_tokens = Histogram(
            "penjing_batch_tokens",
            "Tokens of a batch, padding included.",
            ("model",),
            buckets=_SIZES,
            registry=registry,
        )
        self.running = Gauge("penjing_requests_running", "Requests in flight.", registry=registry)
        self.waiting = Gauge("penjing_items_waiting", "Items in the queue.", ("model",), registry=registry)
        self.restarts = Counter("penjing_engine_restarts", "Engines started again.", ("model",), registry=registry)
        self.load_seconds = Gauge("penjing_model_load_seconds", "Loading a model.", ("model",), registry=registry)
        self.memory = Gauge("penjing_resident_memory_bytes", "Of the server's process.", registry=registry)

    def answered(self, route: str, model: str, status: int, seconds: float) -> None:
        """Count a request."""
        key = (route, model, status)
        if key not in self._answered:
            self._answered[key] = self.requests.labels(route, model, str(status)), self.seconds.labels(route)
        requests, spent = self._answered[key]
        requests.inc()
        spent.observe(seconds)

    def page(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)
