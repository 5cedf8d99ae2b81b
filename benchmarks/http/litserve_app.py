"""The bundle behind LitServe with its batching on: litserve_app.py BUNDLE PORT REQUESTS, in its own environment."""

from __future__ import annotations

import sys
from itertools import chain

import litserve

from penjing.bundle.read import load

WAIT_S = 0.002


class Served(litserve.LitAPI):  # type: ignore[misc]
    """Answers several requests at once, each with one text or more."""

    def setup(self, device: str) -> None:
        """Open the bundle."""
        self.bundle = load(sys.argv[1], threads=1)

    def decode_request(self, request) -> list[str]:  # type: ignore[no-untyped-def]  # LitServe reads the annotation
        """Return the texts of a request."""
        found: list[str] = request["input"]
        return found

    def batch(self, inputs: list[list[str]]) -> list[list[str]]:
        """Leave requests as they are: `predict` puts their texts together."""
        return inputs

    def predict(self, inputs: list[list[str]]) -> list[list[str]]:
        """Return the labels of each request's texts."""
        answers = iter(self.bundle.answer(self.bundle.prepare(list(chain.from_iterable(inputs)))))
        return [[next(answers).label for _ in texts] for texts in inputs]

    def unbatch(self, output: list[list[str]]) -> list[list[str]]:
        """Return the answers of each request."""
        return output

    def encode_response(self, output: list[str]) -> dict[str, list[str]]:
        """Return the answer as JSON."""
        return {"labels": output}


if __name__ == "__main__":
    server = litserve.LitServer(Served(max_batch_size=int(sys.argv[3]), batch_timeout=WAIT_S), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="error")
