"""What a command says while it works: on stderr, and only to people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def counter(*, wanted: bool) -> Iterator[Callable[[int], None]]:
    """Give what tells how many texts are done, on stderr where that is a terminal and it is `wanted`."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda done: None
        return
    from rich.console import Console

    with Console(stderr=True).status("0 texts") as status:
        yield lambda done: status.update(f"{done:,} texts")


def counted(items: Iterable[T]) -> Iterator[T]:
    """Yield `items`, counting them on stderr where that is a terminal.

    rich is imported only then: it costs a tenth of a second that a pipe does not owe.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} texts answered"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items)
