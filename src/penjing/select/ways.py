"""Every way to fulfil a need, and their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from penjing.catalog.facts import CatalogModel, Prices
from penjing.select.candidate import Candidate
from penjing.select.classify import classify_candidates
from penjing.select.need import Need
from penjing.select.write import generate_candidates, translate_candidates

_TIE = 0.05
"""Errors that differ by less than this share are a tie: published tables of one model differ by as much."""
_WAYS: dict[str, Callable[[Need, Sequence[CatalogModel], Prices], Iterable[Candidate]]] = {
    "classify": classify_candidates,
    "generate": generate_candidates,
    "translate": translate_candidates,
}


def every_way(need: Need, models: Sequence[CatalogModel], prices: Prices) -> list[Candidate]:
    """Return all candidates of a need with the models that may be used."""
    return list(_WAYS[need.kind](need, models, prices))


def relative(candidates: Sequence[Candidate], reference: Candidate | None) -> list[Candidate]:
    """Return the candidates with their errors beside those of one of them."""
    least = 1.0 if reference is None else reference.quality.value
    return [
        one.model_copy(update={"quality": one.quality.model_copy(update={
            "value": one.quality.value / least, "low": one.quality.low / least, "high": one.quality.high / least,
        })})
        for one in candidates
    ]  # fmt: skip


def ranked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates by group, in a group the cheapest first: by dollars, then seconds, then bytes.

    Those that may break a limit come after all that are expected to keep them.
    """
    found: list[Candidate] = []
    for fits in (True, False):
        found += _grouped([one for one in candidates if one.fits is fits], begin=found[-1].tie if found else 0)
    return tuple(found)


def _grouped(candidates: Sequence[Candidate], *, begin: int) -> list[Candidate]:
    left = sorted(candidates, key=lambda one: one.quality.value)
    found: list[Candidate] = []
    group = begin
    while left:
        group += 1
        most = left[0].quality.value * (1 + _TIE)
        tied = [one for one in left if one.quality.value <= most]
        left = [one for one in left if one.quality.value > most]
        tied.sort(key=lambda one: (one.cost["month"].value, one.time["answer"].value, one.size.value))
        found += [one.model_copy(update={"tie": group}) for one in tied]
    return found
