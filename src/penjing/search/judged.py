"""What judging, choosing and delivering need to know of a run, whatever its examples are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from penjing.data.dataset import Splits
from penjing.progress import Reporter
from penjing.search.stages import Store
from penjing.spec import Task
from penjing.tasks.classify import Truth


class Judged(Protocol):
    """A run whose models give labels."""

    @property
    def task(self) -> Task:
        """What was asked for."""
        ...

    @property
    def store(self) -> Store:
        """The stages of the run."""
        ...

    @property
    def reporter(self) -> Reporter:
        """Who is told how it goes."""
        ...

    @property
    def splits(self) -> Splits:
        """The examples."""
        ...

    @property
    def data_key(self) -> str:
        """Stands for all examples."""
        ...

    @property
    def truth(self) -> Mapping[str, Truth]:
        """Of "train", "dev" and "test"."""
        ...

    @property
    def seed(self) -> int:
        """Of whatever is drawn by chance."""
        ...

    def inputs(self, split: str) -> Sequence[Any]:
        """Return what a bundle answers, of each example of a split."""
        ...

    def names(self, split: str) -> Sequence[str]:
        """Return what a person is shown of each example of a split."""
        ...

    def golden(self) -> Sequence[str | bytes]:
        """Return the inputs whose answers travel with a bundle."""
        ...

    def timed(self) -> Sequence[str]:
        """Return the inputs that latency is measured with, as a worker is told of them."""
        ...
