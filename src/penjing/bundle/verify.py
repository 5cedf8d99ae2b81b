"""Whether a bundle answers here as it did where it was made, and alike at every batch size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penjing.bundle.golden import Comparison, compare, read_golden
from penjing.bundle.read import load
from penjing.measure.machine import instruction_set
from penjing.tasks.classify import decisions

_BATCH_SIZES = (1, 8, 32)


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found; `ok` is the answer."""

    engine: str
    made_on: str
    """The instruction set of the golden answers."""
    here: str
    tolerance: float
    golden: Comparison
    batch_labels_changed: int
    """Labels that differ between batches of 1, 8 and 32."""

    @property
    def ok(self) -> bool:
        """Whether answers are the same: labels all, logits within the tolerance, at every batch size."""
        same = self.golden.labels_changed == 0 and self.golden.largest_difference <= self.tolerance
        return same and self.batch_labels_changed == 0


def verify(path: str | Path, *, engine: str | None = None, threads: int = 2) -> VerifyReport:
    """Return how the bundle at `path` answers here; its files are checked against their hashes first.

    Raises:
        BundleError: a file is missing or changed, or there are no golden answers.
    """
    folder = Path(path)
    bundle = load(folder, engine=engine, threads=threads)
    rows = read_golden(folder)
    texts = [row.source for row in rows]
    logits = [bundle.logits(texts, batch_size=size) for size in _BATCH_SIZES]
    multi_label = bundle.manifest.outputs.multi_label
    labels = [decisions(found, multi_label=multi_label) for found in logits]
    golden = bundle.manifest.golden
    return VerifyReport(
        engine=bundle.engine,
        made_on=golden.isa if golden else "unknown",
        here=instruction_set(),
        tolerance=golden.tolerance if golden else 0.0,
        golden=compare(rows, logits[1]),
        batch_labels_changed=sum(int((labels[0] != other).sum()) for other in labels[1:]),
    )
