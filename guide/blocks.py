"""Blocks of commands in a page: which are run, and what they print put under them.

A block says after its language what is done with it:

    ```sh run                          every command is run, and must end with 0
    ```sh run exit=3 lines=12          ... the last must end with 3; only the first lines of what is printed are shown
    ```sh run stderr                   ... and what is said on stderr is shown too
    ```sh serve                        the first command goes on while the others ask it
    ```sh elsewhere="needs a network"  nothing is run here; options are checked, and the reason is shown
    ```sh install                      pip, make, git: what the build did before

A block of commands without one of these is an error: no page shows what nobody tried.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})(?P<language>\w*)[ \t]*(?P<options>[^\n]*)\n"
    r"(?P<body>.*?)^[ \t]*(?P=fence)[ \t]*$",
    re.M | re.S,
)
_SHELLS = frozenset({"sh", "bash", "console", "shell", "zsh", "powershell"})
_PLAIN = frozenset({"", "text", "python", "toml", "json", "js", "html", "kotlin", "swift", "ini", "yaml"})
_OPTIONS = {"run": {"exit", "lines", "stderr"}, "serve": {"lines"}, "elsewhere": set[str](), "install": set[str]()}
_OPERATORS = re.compile(r"[|&;$*`]|>>|\d>")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LINES = 40

Way = Literal["run", "serve", "elsewhere", "install"]


class PageError(Exception):
    """A page that cannot be built."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands, and what is done with it."""

    way: Way
    commands: tuple[str, ...]
    exit_code: int = 0
    """Of the last command."""
    lines: int = _LINES
    """Of what is printed, so many are shown."""
    reason: str = ""
    """Why nothing is run here."""
    stderr: bool = False
    """Whether what is said there is shown too."""


def parse_block(options: str, body: str) -> Block:
    """Return what a block of commands says.

    Raises:
        PageError: it says nothing of whether it is run, or something unknown.

    >>> parse_block('run exit=3', 'penjing check a.csv   # looks at it')
    Block(way='run', commands=('penjing check a.csv',), exit_code=3, lines=40, reason='', stderr=False)
    """
    try:
        words = [word.partition("=") for word in shlex.split(options)]
        values = {name: value for name, _, value in words}
        ways = [name for name in values if name in _OPTIONS]
        if len(ways) != 1 or values.keys() - {ways[0]} - _OPTIONS[ways[0]]:
            raise ValueError("run, serve, elsewhere=REASON or install")
        found = Block(
            way=cast(Way, ways[0]),
            commands=commands_of(body),
            exit_code=int(values.get("exit", 0)),
            lines=int(values.get("lines", _LINES)),
            reason=values.get("elsewhere", ""),
            stderr="stderr" in values,
        )
    except ValueError as error:
        raise PageError(f"a block of commands says what is done with it, not {options!r}: {error}") from error
    if found.lines < 1 or (found.way == "elsewhere") != bool(found.reason):
        raise PageError(f"a block of commands has a reason where it is not run, and shows a line or more: {options!r}")
    return found


def commands_of(body: str) -> tuple[str, ...]:
    """Return the commands, one a line; a line that ends with a backslash goes on; comments are left out.

    Raises:
        PageError: quotes do not end, or a line has what only a shell understands, but `< FILE` and `> FILE`.

    >>> commands_of('penjing learn list   # all of them')
    ('penjing learn list',)
    """
    found = []
    for line in body.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise PageError(f"a command cannot be read: {line}: {error}") from error
        if words:
            bare = _QUOTED.sub("", line).partition(" #")[0]
            if _OPERATORS.search(bare):
                raise PageError(f"no shell runs these commands: {line}")
            found.append(" ".join(word if word in {"<", ">"} else shlex.quote(word) for word in words))
    return tuple(found)


def with_output(text: str, answer: Callable[[Block], str]) -> str:
    """Return a page with `answer` to each block of commands under it.

    Raises:
        PageError: a block cannot be read, or is of a language that is neither commands nor known to be none.
    """

    def replace(found: re.Match[str]) -> str:
        language, body = found["language"], found["body"]
        if language in _PLAIN:
            return found[0]
        if language not in _SHELLS or found["indent"]:
            raise PageError(f"a block of {language} is neither known nor at the beginning of its line")
        block = parse_block(found["options"], body)
        return f"{found['fence']}{language}\n{body}{found['fence']}\n{answer(block)}"

    return _FENCE.sub(replace, text)


def shown(printed: str, *, lines: int, title: str = "prints") -> str:
    """Return the block that shows what was printed; nothing in it ends the block.

    >>> print(shown("tea", lines=3))
    <BLANKLINE>
    ```text title="prints"
    tea
    ```
    <BLANKLINE>
    """
    found = printed.rstrip().splitlines()
    if not found:
        return ""
    more = len(found) - lines
    kept = [*found[:lines], f"… ({more} more lines)"] if more > 0 else found
    longest = max((len(run) for run in re.findall("`+", printed)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join(["", f'{fence}text title="{title}"', *kept, fence, ""])
