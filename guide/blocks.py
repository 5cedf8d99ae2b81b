"""Blocks of commands in a page: which are run, and what they print put under them.

A block says after its language what is done with it:

    ```sh run                          every command is run, and must end with 0
    ```sh run exit=3 lines=12          ... must end with 3; only the first lines of what it prints are shown
    ```sh serve                        the first command goes on while the others ask it
    ```sh elsewhere="needs a network"  nothing is run here; its options are checked, and the reason is shown
    ```sh install                      pip, make, git: what the build did before

A block of commands without one of these is an error: no page shows what nobody tried.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

_FENCE = re.compile(r"^```(?P<language>\w+)[ \t]*(?P<options>[^\n]*)\n(?P<body>.*?)^```[ \t]*$", re.M | re.S)
_OURS = frozenset({"sh", "bash", "console"})
_WORDS = frozenset({"run", "serve", "elsewhere", "install"})
_LINES = 40


class PageError(Exception):
    """A page that cannot be built."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands, and what is done with it."""

    way: str
    """run, serve, elsewhere or install."""
    commands: tuple[str, ...]
    exit_code: int = 0
    lines: int = _LINES
    """Of what is printed, so many are shown."""
    reason: str = ""
    """Why nothing is run here."""


def parse_block(options: str, body: str) -> Block:
    """Return what a block of commands says.

    Raises:
        PageError: it says nothing of whether it is run, or something unknown.

    >>> parse_block('run exit=3', 'penjing check a.csv   # looks at it')
    Block(way='run', commands=('penjing check a.csv',), exit_code=3, lines=40, reason='')
    """
    words = [word.partition("=") for word in shlex.split(options)]
    unknown = [name for name, _, _ in words if name not in _WORDS | {"exit", "lines"}]
    ways = [name for name, _, _ in words if name in _WORDS]
    if unknown or len(ways) != 1:
        raise PageError(
            f"a block of commands says what is done with it (run, serve, elsewhere=…, install), not: {options!r}"
        )
    values = {name: value for name, _, value in words}
    return Block(
        way=ways[0],
        commands=commands_of(body),
        exit_code=int(values.get("exit", 0)),
        lines=int(values.get("lines", _LINES)),
        reason=values.get("elsewhere", ""),
    )


def commands_of(body: str) -> tuple[str, ...]:
    """Return the commands, one a line; a line that ends with a backslash goes on; comments are left out.

    >>> commands_of('penjing learn list   # all of them')
    ('penjing learn list',)
    """
    joined = body.replace("\\\n", " ")
    found = (shlex.join(shlex.split(line, comments=True)) for line in joined.splitlines())
    return tuple(command for command in found if command)


def with_output(text: str, answer: Callable[[Block], str]) -> str:
    """Return a page with `answer` to each block of commands under it."""

    def replace(found: re.Match[str]) -> str:
        language, body = found["language"], found["body"]
        if language not in _OURS:
            return found[0]
        block = parse_block(found["options"], body)
        return f"```{language}\n{body}```\n{answer(block)}"

    return _FENCE.sub(replace, text)


def shown(printed: str, *, lines: int) -> str:
    """Return the block that shows what was printed."""
    found = printed.rstrip().splitlines()
    more = len(found) - lines
    kept = [*found[:lines], f"… ({more} more lines)"] if more > 0 else found
    return "\n".join(["", '```text title="prints"', *kept, "```", ""]) if kept else ""
