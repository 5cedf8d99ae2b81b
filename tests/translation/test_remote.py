import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

import penjing
from penjing.errors import TaskError


class Handler(BaseHTTPRequestHandler):
    """Answers with the last message in upper case, and keeps what it was asked."""

    asked: list[dict[str, object]] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Handler.asked.append(body)
        text = body["messages"][-1]["content"].upper()
        chunks = [
            {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for chunk in chunks:
            whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", **chunk}
            self.wfile.write(f"data: {json.dumps(whole)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    Handler.asked.clear()
    yield server
    server.shutdown()
    server.server_close()


def test_a_remote_model_is_asked_in_words_and_placeholders_are_masked(remote) -> None:
    assert os.environ["OPENAI_API_KEY"] == "sk-test"
    found = penjing.translate_text("save %s\n\nquit", "en", "zh-TW", model="openai:any")
    assert (found.text, found.problem) == ("SAVE %s\n\nQUIT", None)
    system = {body["messages"][0]["content"] for body in Handler.asked}
    assert len(system) == 1
    assert "English to Traditional Chinese" in system.pop()
    assert {body["messages"][1]["content"] for body in Handler.asked} == {"save ｟0｠", "quit"}


def test_a_remote_model_must_be_told_the_languages(remote) -> None:
    with pytest.raises(TaskError, match="from which language into which"):
        penjing.translate_text("save", model="openai:any")
