"""Where nothing fits: the nearest limit to raise, and the cheapest machine that would do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from penjing.catalog.facts import Device, Prices, catalog_devices
from penjing.select.candidate import Candidate, Change
from penjing.select.filters import able_models, broken_limits
from penjing.select.need import Need
from penjing.select.resources import month_of
from penjing.select.ways import every_way, ranked
from penjing.units import show_seconds


def cheapest_changes(need: Need, found: Sequence[Candidate], prices: Prices) -> tuple[Change, ...]:
    """Return the limits to raise for the nearest candidate, and the cheapest machine on which something fits."""
    return (*_limits_to_raise(need, found), *_machines(need, prices))


def _limits_to_raise(need: Need, found: Sequence[Candidate]) -> Iterator[Change]:
    """Yield what would let the nearest candidate in that breaks only limits of the user's own."""
    own = need.model_copy(update={"serve_on": _boundless(need.serve_on), "train_on": _boundless(need.train_on)})
    broken = [(candidate, broken_limits(own, candidate)) for candidate in found if broken_limits(need, candidate)]
    broken = [(candidate, limits) for candidate, limits in broken if len(limits) == len(broken_limits(need, candidate))]
    if broken:
        candidate, limits = min(broken, key=lambda one: max(times for times, _ in one[1]))
        said = "; ".join(text for _, text in limits)
        yield Change(change=f"allow more: {said}", candidate=candidate.name)


def _machines(need: Need, prices: Prices) -> Iterator[Change]:
    """Yield the cheapest machine with a price on which something fits, to serve and to train."""
    priced = [device for name, device in catalog_devices().items() if name in prices.devices]
    for device in sorted(priced, key=lambda one: sum(month_of(one, prices.devices.get(one.name), prices))):
        moved = need.model_copy(update={"serve_on": device, "train_on": device})
        able, _ = able_models(moved)
        fitting = [one for one in every_way(moved, able, prices) if not broken_limits(moved, one)]
        if fitting:
            best = ranked(fitting)[0]
            yield Change(change=f"use {device.title} (--device {device.name} --train-on {device.name})",
                         candidate=best.name, dollars_a_month=best.cost["month"].value,
                         time=f"an answer takes {show_seconds(best.time['answer'].value)}")  # fmt: skip
            return


def _boundless(device: Device) -> Device:
    return device.model_copy(update={"memory": math.inf})
