"""Running the commands of a page, without a shell: each once, in one folder, whatever the language of the page."""

from __future__ import annotations

import html
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer
from typer.core import TyperGroup

from guide.blocks import Block, PageError, shown
from penjing.cli.main import app

_LIMIT_S, _READY_S, _END_S = 1_200, 120, 30
_INHERITED = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV")  # what is printed must not depend on the rest
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_RUNNABLE = frozenset({"penjing", "python", "curl", "cat", "head", "ls"})


@dataclass
class Workplace:
    """A folder in which commands run, and what each has printed."""

    folder: Path
    bin: Path = field(default_factory=lambda: Path(sys.executable).parent)
    said: dict[tuple[str, int, bool, tuple[str, ...]], str] = field(default_factory=dict)

    def answer(self, block: Block, *, title: str = "prints") -> str:
        """Return what is shown under a block of commands.

        Raises:
            PageError: a command ended with another code than the page says, or has an option that is not there.
        """
        for command in block.commands:
            check_options(command)
        if block.way in {"elsewhere", "install"}:
            return f'\n<p class="elsewhere">{html.escape(block.reason)}</p>\n' if block.reason else ""
        key = (block.way, block.exit_code, block.stderr, block.commands)
        if key not in self.said:
            self.said[key] = self._served(block) if block.way == "serve" else self._run_all(block)
        return shown(self.said[key], lines=block.lines, title=title)

    def _run_all(self, block: Block) -> str:
        last = len(block.commands) - 1
        return "".join(
            self._run(command, exit_code=block.exit_code if place == last else 0, stderr=block.stderr)
            for place, command in enumerate(block.commands)
        )

    def _served(self, block: Block) -> str:
        server, *others = block.commands
        with self._running(server):
            return "".join(self._run(command) for command in others)

    def _run(self, command: str, *, exit_code: int = 0, stderr: bool = False) -> str:
        started = time.monotonic()
        words, source, target = redirected(shlex.split(command))
        try:
            text = self._inside(source).read_text(encoding="utf-8") if source else None
            done = subprocess.run(
                self._resolved(words), cwd=self.folder, env=self._environment(), input=text, capture_output=True,
                encoding="utf-8", timeout=_LIMIT_S, check=False, **({} if source else {"stdin": subprocess.DEVNULL}),
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise PageError(f"a command of a page does not end in {_LIMIT_S} s: {command}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise PageError(f"a command of a page cannot be run: {command}: {error}") from error
        if done.returncode != exit_code:
            said = f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
            raise PageError(f"a command of a page ended with {done.returncode}, not {exit_code}: {command}\n{said}")
        sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {command}\n")
        printed = done.stdout + (done.stderr if stderr else "")
        if target:
            self._inside(target).write_text(printed, encoding="utf-8")
            return ""
        return self._tidied(printed)

    def _inside(self, name: str) -> Path:
        found = (self.folder / name).resolve()
        if self.folder.resolve() not in found.parents:
            raise PageError(f"a page reads and writes files of its folder, not {name}")
        return found

    def _resolved(self, words: list[str]) -> list[str]:
        name, *rest = words
        if name not in _RUNNABLE:
            raise PageError(f"a page runs {', '.join(sorted(_RUNNABLE))}, not {name}")
        own = self.bin / name
        failing = ["--fail-with-body"] if name == "curl" else []  # else it ends with 0 whatever the server says
        return [str(own) if own.is_file() else name, *failing, *rest]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return kept | {
            "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "120", "HF_HUB_OFFLINE": "1", "LC_ALL": "C.UTF-8",
            "XDG_DATA_HOME": str(self.folder / "home"), "XDG_CACHE_HOME": str(self.folder / "home"),
        }  # fmt: skip

    def _tidied(self, printed: str) -> str:
        """Return what was printed without colours, and without this machine's folders."""
        found = _ESCAPES.sub("", printed)
        folders = {self.folder.resolve(), self.folder, Path.cwd()}
        for folder in sorted(map(str, folders), key=len, reverse=True):
            found = found.replace(f"{folder}/", "").replace(folder, ".")
        return found

    @contextmanager
    def _running(self, command: str) -> Iterator[None]:
        words = shlex.split(command)
        port = words[words.index("--port") + 1] if "--port" in words else "8000"
        log = self.folder / "server.log"
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", int(port))) == 0:
                raise PageError(f"something else answers on port {port}, where a page starts a server: {command}")
        with log.open("w", encoding="utf-8") as file, subprocess.Popen(
            self._resolved(words), cwd=self.folder, env=self._environment(), stdout=file, stderr=file,
            stdin=subprocess.DEVNULL,
        ) as server:  # fmt: skip
            try:
                _wait_until_ready(f"http://127.0.0.1:{port}/health/ready", server, log)
                yield
            finally:
                server.terminate()
                try:
                    server.wait(timeout=_END_S)
                except subprocess.TimeoutExpired:
                    server.kill()


def redirected(words: list[str]) -> tuple[list[str], str | None, str | None]:
    """Return a command without its `< FILE` and `> FILE`, and these files.

    >>> redirected(["penjing", "predict", "B", ">", "answers.jsonl"])
    (['penjing', 'predict', 'B'], None, 'answers.jsonl')
    """
    found: dict[str, str] = {}
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in {"<", ">"}:
            found[word] = next(rest, "")
        else:
            kept.append(word)
    return kept, found.get("<"), found.get(">")


def check_options(command: str) -> None:
    """Check that the command line knows a command and its options; nothing is run.

    Raises:
        PageError: it does not.
    """
    words, _, _ = redirected(shlex.split(command))
    if words[0] != "penjing":
        return
    found, rest = typer.main.get_command(app), words[1:]
    try:
        while isinstance(found, TyperGroup):
            name, inner, rest = found.resolve_command(typer.Context(found), rest)
            assert inner is not None, f"no command {name}"
            found = inner
        found.make_context(words[1], list(rest))
    except typer.Exit:
        return
    except Exception as error:  # whatever the parser raises
        raise PageError(f"a page has a command that is not there: {command}: {error}") from error


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _READY_S
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - of this machine
                return
        except OSError:
            time.sleep(0.2)
    raise PageError(f"the server of a page is not ready:\n{log.read_text(encoding='utf-8')[-1500:]}")
