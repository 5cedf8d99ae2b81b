"""The plan: hard filters first, then groups that cannot be told apart in quality, each ordered by cost."""

from __future__ import annotations

import math

from penjing.catalog.facts import Prices
from penjing.records import Record
from penjing.select.advice import advice
from penjing.select.api_price import Api, api_price
from penjing.select.candidate import Candidate, Change, Rejected
from penjing.select.changes import cheapest_changes
from penjing.select.filters import able_models, broken_limits, doubtful_limits
from penjing.select.need import Need
from penjing.select.ways import every_way, ranked, relative
from penjing.units import show_size


class Plan(Record):
    """What to do, why, and what cannot be."""

    need: Need
    advice: tuple[str, ...]
    reference: str | None
    """The candidate of which the least errors are expected: those of the others are relative to its."""
    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]
    """The nearest first."""
    api: Api
    changes: tuple[Change, ...] = ()
    """Where nothing fits: what would make something fit."""


def make_plan(need: Need, prices: Prices) -> Plan:
    """Return the candidates of a need, the best first, and what was rejected and why."""
    able, rejected = able_models(need)
    found = every_way(need, able, prices)
    fitting: list[Candidate] = []
    for candidate in found:
        broken = broken_limits(need, candidate)
        if broken:
            excess = max(times for times, _ in broken)
            rejected.append(Rejected(name=candidate.name, reasons=tuple(said for _, said in broken), excess=excess))
        else:
            doubts = doubtful_limits(need, candidate)
            reasons = (*candidate.reasons, *doubts, _margin(need, candidate))
            fitting.append(candidate.model_copy(update={"reasons": reasons, "fits": not doubts}))
    sure = [one for one in fitting if one.fits] or fitting
    reference = min(sure, key=lambda one: one.quality.value, default=None)
    best = ranked(relative(fitting, reference))
    changes = () if best else cheapest_changes(need, found, prices)
    api = api_price(need, best, prices)
    return Plan(
        need=need,
        advice=advice(need, best, api, prices, changes=changes),
        reference=None if reference is None else reference.name,
        candidates=best,
        rejected=tuple(sorted(rejected, key=lambda one: one.excess or math.inf)),
        api=api,
        changes=changes,
    )


def _margin(need: Need, candidate: Candidate) -> str:
    serve = candidate.memory["serve"]
    share = serve.value / need.serve_on.memory
    return f"takes {show_size(serve.value)} of {show_size(need.serve_on.memory)} to serve ({share:.1%})"
