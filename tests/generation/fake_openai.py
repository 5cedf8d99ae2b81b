"""A server that speaks OpenAI's API on loopback, well or badly: the model's name says how."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

HTML = b"<html><body>It works!</body></html>"


def pieces(model, n, asked=""):
    """What a good model says; the labeller takes what sounds good for 1."""
    if model == "labeller":
        return [(0, json.dumps({"label": "1" if "good" in asked else "0"}))]
    texts = ["盆", "景", " is an art."] if model == "chinese" else ["Hello", ", ", "world."]
    return [(index, text) for text in texts for index in range(n)]


def said_last(body):
    """The prompt, or the last message."""
    return body["messages"][-1]["content"] if "messages" in body else body["prompt"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        with suppress(ConnectionResetError):  # a client may leave between requests, too
            super().handle()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen = self.server.seen
        seen.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
        model = body["model"]
        if model == "html":
            self.whole(200, HTML, "text/html")
        elif model == "down":
            self.whole(502, HTML, "text/html")
        elif model == "locked":
            self.whole(401, json.dumps({"error": {"message": "wrong key"}}).encode(), "application/json")
        elif model == "newer" and "max_tokens" in body and "messages" in body:
            said = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            self.whole(400, json.dumps({"error": {"message": said}}).encode(), "application/json")
        elif model == "newer" and body["temperature"] != 1:
            said = f"Unsupported value: 'temperature' does not support {body['temperature']} with this model."
            self.whole(400, json.dumps({"error": {"message": said}}).encode(), "application/json")
        elif model == "busy" and len(seen) < 3:
            self.whole(429, b"{}", "application/json", **{"Retry-After": "0.01"})
        elif model == "silent":
            self.server.released.wait(30)
            self.close_connection = True
        else:
            with suppress(BrokenPipeError, ConnectionResetError):  # a client may leave when it has heard enough
                self.stream(model, body)

    def whole(self, status, content, kind, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def stream(self, model, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chat = self.path.endswith("/chat/completions")
        for place, (index, text) in enumerate(pieces(model, body.get("n", 1), said_last(body))):
            if model == "drops" and place == 2:
                self.close_connection = True
                return
            if model == "stalls" and place == 2:
                self.server.released.wait(30)
                self.close_connection = True
                return
            said = {"delta": {"content": text}} if chat else {"text": text}
            self.event({"choices": [{"index": index, **said, "finish_reason": None}]})
        if model == "fails" or (model == "brittle" and said_last(body) == "break"):
            self.event({"error": {"message": "out of memory"}})
        if model == "garbage":
            self.chunk(b"data: {not json\n\n")
        if model != "unfinished":
            reason = "stop" if model == "labeller" else "length"
            for index in range(body.get("n", 1)):
                said = {"delta": {}} if chat else {"text": ""}
                self.event({"choices": [{"index": index, **said, "finish_reason": reason}]})
            self.event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def event(self, values):
        shell = {"id": "1", "object": "chunk", "created": 0, "model": "m"}
        self.chunk(b"data: " + json.dumps(shell | values).encode() + b"\n\n")

    def chunk(self, content):
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()


@contextmanager
def fake_openai():
    """Give a running server; `seen` holds its requests, `url` is its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.released = [], Event()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
