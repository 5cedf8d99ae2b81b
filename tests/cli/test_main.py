import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import penjing
from penjing.cli import main as cli
from penjing.errors import TaskError

COMMANDS = ("fit", "predict", "bench", "verify", "frontier")


def run(*arguments, **options):
    command = [sys.executable, "-m", "penjing", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, **options)


def test_no_process_that_a_test_starts_reaches_the_network():
    code = "import socket; socket.create_connection(('192.0.2.1', 9))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "penjing uses no network" in done.stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom penjing.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('MODULES', *sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(out.rpartition("MODULES")[2].split())
    assert "penjing.cli.main" in loaded
    assert not {"numpy", "onnxruntime", "torch", "tokenizers", "pydantic"} & loaded
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command):
    found = CliRunner().invoke(cli.app, [command, "--help"])
    assert found.exit_code == 0
    assert f"penjing {command} " in found.output.partition("Examples:")[2]


def test_version():
    assert run("--version").stdout == f"penjing {penjing.__version__}\n"


def test_no_such_option_is_a_user_error():
    assert run("predict", "--nonsense").returncode == 2


def outcome(monkeypatch, capsys, error, *arguments):
    def fail():
        raise error

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["penjing", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr()


def test_our_errors_are_one_line(monkeypatch, capsys):
    code, shown = outcome(monkeypatch, capsys, TaskError("wrong", value="x\ny", next_step="Correct it"))
    assert (code, shown.out) == (2, "")
    assert shown.err.startswith("error: wrong")
    assert shown.err.count("\n") == 1


def test_a_bug_says_how_to_report_it(monkeypatch, capsys):
    code, shown = outcome(monkeypatch, capsys, ZeroDivisionError("division by zero"))
    assert code == 1
    assert "ZeroDivisionError" in shown.err
    assert "--debug" in shown.err


def test_an_interrupt_is_130(monkeypatch, capsys):
    assert outcome(monkeypatch, capsys, KeyboardInterrupt())[0] == 130


def test_debug_shows_the_traceback(monkeypatch, capsys):
    monkeypatch.setattr(cli, "app", lambda: (_ for _ in ()).throw(TaskError("wrong")))
    monkeypatch.setattr(sys, "argv", ["penjing", "--debug", "fit"])
    with pytest.raises(TaskError):
        cli.main()


def hear_ctrl_c():
    """Undo what a shell does to a command in the background, and so to all that this starts: it hears no Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_a_command_with_130(tiny_bundle):
    command = [
        sys.executable,
        "-m",
        "penjing",
        "predict",
        str(tiny_bundle),
        "--input",
        "-",
        "--batch-size",
        "1",
    ]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, preexec_fn=hear_ctrl_c) as process:  # noqa: PLW1509 (no threads here)
        process.stdin.write(b"good\n" * 1024)
        process.stdin.flush()
        assert process.stdout.read(1)  # it is answering, and waits for more
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in said
