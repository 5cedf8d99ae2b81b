"""All checks of a data set, the gravest first; and the file without what is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from penjing.check.damage import find_damage
from penjing.check.finding import Finding, Parts
from penjing.check.noise import find_noise
from penjing.check.personal import find_personal, without_personal
from penjing.check.profile import find_profile
from penjing.check.repeats import find_repeats
from penjing.data.dataset import Example
from penjing.errors import DataError
from penjing.files import write_text
from penjing.progress import Reporter, Silent

_GRAVITY = ("error", "warning", "note")
_NOISE = "labels that are likely wrong"
_CHECKS: Mapping[str, Callable[[Parts], Iterator[Finding]]] = {
    "repeats and leaks": find_repeats,
    "encodings": find_damage,
    "personal data": find_personal,
    _NOISE: find_noise,
    "profile": find_profile,
}


def check_data(parts: Parts, *, reporter: Reporter | None = None) -> list[Finding]:
    """Return everything that was found, the gravest first.

    Raises:
        DataError: there are no rows.
    """
    if not any(parts.values()):
        raise DataError("there are no rows", next_step="Check the data's path")
    reporter = reporter or Silent()
    found: list[Finding] = []
    for name, find in _CHECKS.items():
        reporter.begin(name)
        more = list(find(_without(parts, found) if name == _NOISE else parts))
        found += more
        reporter.end(", ".join(finding.name for finding in more) or "nothing", reused=False)
    return sorted(found, key=lambda finding: _GRAVITY.index(finding.severity))


def _without(parts: Parts, findings: list[Finding]) -> Parts:
    """Return the parts with no text where a row is left out, so that no repeat says what the label of another is."""
    dropped = {place for finding in findings if finding.dropped for place in finding.places}
    return {
        part: [Example("", one.labels) if (part, row) in dropped else one for row, one in enumerate(examples)]
        for part, examples in parts.items()
    }


def cleaned(parts: Parts, findings: list[Finding]) -> Iterator[tuple[str, Example]]:
    """Yield the part and the example of each row that stays, with marks in place of personal data."""
    dropped = {place for finding in findings if finding.dropped for place in finding.places}
    for part, examples in parts.items():
        for row, one in enumerate(examples):
            if (part, row) not in dropped:
                yield part, Example(without_personal(one.text), one.labels)


def write_cleaned(parts: Parts, findings: list[Finding], path: Path) -> dict[str, int]:
    """Write a CSV file for each part, `path` itself for train and beside it NAME.dev.csv and NAME.test.csv.

    Returns how many rows each has.

    Raises:
        DataError: `path` does not end in .csv, or is there.
    """
    if path.suffix != ".csv" or path.exists():
        raise DataError("the cleaned data cannot be written there", value=str(path), rule="a new .csv file")
    buffers = {part: io.StringIO() for part in parts}
    writers = {part: csv.writer(buffer, lineterminator="\n") for part, buffer in buffers.items()}
    counts = dict.fromkeys(parts, 0)
    for writer in writers.values():
        writer.writerow(("text", "label"))
    for part, one in cleaned(parts, findings):
        writers[part].writerow((one.text, "|".join(one.labels)))
        counts[part] += 1
    for part, buffer in buffers.items():
        write_text(path if part == "train" else path.with_suffix(f".{part}.csv"), buffer.getvalue())
    return counts
