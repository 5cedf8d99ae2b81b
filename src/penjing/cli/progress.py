"""A progress bar for every stage of `fit`, on stderr, with the time that is left."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
)
from rich.text import Text

from penjing.units import show_seconds

_PLAIN_EVERY_S = 20.0
_FIRST_GUESS = 0.02  # of a stage, before the time that is left is said


class _TimeColumn(ProgressColumn):
    """How long the stage has run and, where that can be said, how long it will still run."""

    def render(self, task: Task) -> Text:
        taken, left = _clock(task.elapsed or 0), task.time_remaining
        return Text(taken if left is None else f"{taken}, {_clock(left)} left")


def _clock(seconds: float) -> str:
    """Return minutes and seconds as a clock shows them: it may count on without moving what stands beside it."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class StageBars:
    """Draws the present stage as a bar and leaves one line behind for each finished one.

    Where stderr is not a terminal, lines alone are written, with one every 20 seconds for a long stage.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            _TimeColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._began = self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, stage: str) -> None:
        """Start a bar."""
        self._stage, self._began = stage, time.monotonic()
        self._spoke = self._began
        self._task = self._progress.add_task(stage, total=None, detail="")

    def advance(self, done: float, total: float, detail: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total, detail=detail)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._spoke > _PLAIN_EVERY_S and done >= _FIRST_GUESS * total:
            left = (now - self._began) * (total - done) / done
            self._spoke = now
            line = f"  {self._stage}: {done / total:.0%}, {show_seconds(left)} left. {detail}".rstrip()
            self._console.print(line, style="dim", soft_wrap=True)

    def end(self, detail: str, *, reused: bool) -> None:
        """Replace the bar by a line: the stage, how long it took, what came out."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        took = "re-used" if reused else show_seconds(time.monotonic() - self._began)
        line = f"[green]✓[/] {self._stage:<38} [dim]{took:>10}[/]  {detail}".rstrip()
        if self._console.is_terminal:
            self._console.print(line, highlight=False, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(line, highlight=False, soft_wrap=True)
