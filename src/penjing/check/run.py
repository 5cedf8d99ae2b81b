"""All checks of a data set, the gravest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from penjing.check.damage import find_damage
from penjing.check.finding import Finding, Parts
from penjing.check.noise import find_noise
from penjing.check.personal import find_personal
from penjing.check.profile import find_profile
from penjing.check.repeats import find_repeats
from penjing.data.dataset import Example
from penjing.errors import DataError
from penjing.progress import Reporter, Silent

GRAVITY = ("error", "warning", "note")
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
    return sorted(found, key=lambda finding: GRAVITY.index(finding.severity))


def _without(parts: Parts, findings: list[Finding]) -> Parts:
    """Return the parts with no text where a row is left out, so that no repeat says what the label of another is."""
    dropped = {place for finding in findings if finding.dropped for place in finding.places}
    return {
        part: [Example("", one.labels) if (part, row) in dropped else one for row, one in enumerate(examples)]
        for part, examples in parts.items()
    }
