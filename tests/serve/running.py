"""A server in a thread of the test, on a port of its own, and a client that hides nothing."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import contextmanager
from threading import Event, Thread

import uvicorn

from penjing.serve.app import create_app
from penjing.serve.classifier import open_classifier
from penjing.serve.life import Life
from penjing.serve.metrics import Metrics
from penjing.serve.patience import server_config
from penjing.serve.services import Services
from penjing.serve.settings import Limits


class _Server(uvicorn.Server):
    def __init__(self, config):
        super().__init__(config)
        self.listening = Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.listening.set()

    def install_signal_handlers(self):
        pass


class Client:
    """Asks one server."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method, path, body=None, **headers):
        """Return status, headers and the reply, parsed where it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode()
                headers = {"Content-Type": "application/json"} | headers
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        if reply.headers.get("content-type", "").startswith("application/json"):
            content = json.loads(content)
        return reply.status, dict(reply.headers.items()), content

    def get(self, path, **headers):
        """Ask with GET."""
        return self.ask("GET", path, **headers)

    def post(self, path, body, **headers):
        """Ask with POST."""
        return self.ask("POST", path, body, **headers)


def until(condition):
    """Ask `condition` again and again until it holds; a test whose condition never holds fails."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to that"


def services_of(*openers, limits=None, ready=True):
    """Return what is served: each opener is given the services, and returns one more."""
    found = Services(Life(), Metrics(), limits or Limits())
    for opener in openers:
        found.swap(opener(found))
    if ready:
        found.life.loaded()
    return found


def classifier(folder, name="tiny"):
    """Return what opens a classifier."""
    return lambda services: open_classifier(name, folder, threads=1, limits=services.limits, metrics=services.metrics)


@contextmanager
def running(services, *, keys=None, hosts=None):
    """Serve `services` and yield a client."""
    app = create_app(services, keys=keys, hosts=hosts)
    try:
        with listening(server_config(app, services.limits, port=0, lifespan="off")) as port:
            yield Client(port)
    finally:
        services.close()


@contextmanager
def listening(config):
    """Run a server and yield its port."""
    server = _Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert server.listening.wait(30)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
