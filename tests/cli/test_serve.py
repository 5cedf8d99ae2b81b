"""penjing serve as a process: it listens first, ends in good order, and leaves no child behind."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penjing.cli.main import app
from penjing.errors import BundleError, TaskError
from penjing.serve.run import Address, _listen
from tests.shrink.small_model_gguf import write_small_model


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(*arguments):
    """Start the command and yield it with its port once it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "penjing", "serve", *map(str, arguments), "--port", str(port), "--threads", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if line.startswith("ready"):
                break
        yield process, port
    finally:
        process.kill()
        process.communicate()


def children_of(process):
    files = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text(encoding="ascii").split()]


def alive(child):
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return False
    return True


def test_sigterm_lets_a_stream_finish_and_leaves_no_child(tmp_path):
    model = write_small_model(tmp_path / "model.gguf", context=2048)
    with serving(f"small=gguf:{model}") as (process, port):
        children = children_of(process)
        assert children
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = {"model": "small", "prompt": "the old pine", "max_tokens": 200, "stream": True, "temperature": 0}
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        first = reply.readline()
        process.send_signal(signal.SIGTERM)
        rest = reply.read().decode()
        assert first.startswith(b"data: ")
        connection.close()
        assert rest.endswith("data: [DONE]\n\n")
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert not any(alive(child) for child in children)


def test_a_classifier_is_served_and_ctrl_c_ends_it(tiny_bundle):
    with serving(tiny_bundle) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/v1/classify", '{"input": "good"}', {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["results"][0]["label"] == "good"
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130, -signal.SIGINT)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])  # noqa: S104
def test_other_machines_need_keys(tiny_bundle, host):
    refused = CliRunner().invoke(app, ["serve", str(tiny_bundle), "--host", host])
    assert isinstance(refused.exception, TaskError)
    assert "--api-keys" in str(refused.exception)


def test_what_cannot_be_served_is_said_before_it_listens(tmp_path, tiny_bundle):
    def asked(*arguments):
        return CliRunner().invoke(app, ["serve", *map(str, arguments)]).exception

    assert isinstance(asked(tmp_path), BundleError)
    assert "two models" in str(asked(f"a={tiny_bundle}", f"a={tiny_bundle}"))
    assert "not a name" in str(asked(f"a/b={tiny_bundle}"))
    assert "cannot be read" in str(asked(tiny_bundle, "--api-keys", tmp_path / "none"))


def test_a_bundle_that_breaks_while_it_loads_ends_the_server_with_its_reason(tmp_path, tiny_bundle):
    import shutil

    broken = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, broken)
    (broken / "model.onnx").write_bytes(b"x")
    command = [sys.executable, "-m", "penjing", "serve", str(broken), "--port", str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "has changed" in done.stderr.splitlines()[-1]


def test_a_port_that_is_taken_is_said(tiny_bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "penjing", "serve", str(tiny_bundle), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "cannot listen" in done.stderr.splitlines()[-1]


def test_small_replies_are_sent_at_once():
    """asyncio leaves Nagle's algorithm on where a socket's protocol is 0: 40 ms for every reply in two parts."""
    with _listen(Address(port=0)) as found:
        assert found.proto == socket.IPPROTO_TCP


SCRIPT = """
import os, sys, threading
import penjing.serve.reload as reload
from penjing.cli.main import main

def opens(*_, **__):
    if os.environ["MODE"] == "fails":
        raise MemoryError("none is left")
    print("it loads", file=sys.stderr, flush=True)
    threading.Event().wait()

reload.open_service = opens
main()
"""


def start_script(bundle, mode):
    command = [sys.executable, "-c", SCRIPT, "serve", str(bundle), "--port", "0"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"MODE": mode})


def test_a_model_that_fails_to_load_in_any_way_ends_the_server(tiny_bundle):
    with start_script(tiny_bundle, "fails") as process:
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "none is left" in said


def test_a_second_signal_ends_it_while_a_model_loads(tiny_bundle):
    with start_script(tiny_bundle, "hangs") as process:
        for line in process.stderr:
            if line.startswith("it loads"):
                break
        process.send_signal(signal.SIGTERM)
        for line in process.stderr:
            if "second signal" in line:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
