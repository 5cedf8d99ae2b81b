"""Where nothing fits: the nearest limit to raise, and the cheapest machine that would do."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.catalog.facts import Prices, catalog_devices
from penjing.select.candidate import Candidate, Change
from penjing.select.filters import able_models, broken_limits
from penjing.select.need import Need
from penjing.select.resources import month_of
from penjing.select.ways import every_way, ranked
from penjing.units import show_seconds


def cheapest_changes(need: Need, found: Sequence[Candidate], prices: Prices) -> tuple[Change, ...]:
    """Return the nearest limit to raise, and the cheapest machine on which something fits."""
    broken = [(candidate, broken_limits(need, candidate)) for candidate in found]
    changes = []
    if broken:
        candidate, limits = min(broken, key=lambda one: max(times for times, _ in one[1]))
        changes.append(Change(change=f"allow more: {limits[0][1]}", candidate=candidate.name, dollars_a_month=0.0,
                              quality=f"{candidate.quality.value:.2f} of the strongest's errors"))  # fmt: skip
    devices = sorted(
        catalog_devices().values(), key=lambda one: sum(month_of(one, prices.devices.get(one.name), prices))
    )
    for device in devices:
        moved = need.model_copy(update={"serve_on": device, "train_on": device})
        able, _ = able_models(moved)
        fitting = [one for one in every_way(moved, able, prices) if not broken_limits(moved, one)]
        if fitting:
            best = ranked(fitting)[0]
            changes.append(Change(change=f"use {device.title} (--device {device.name})", candidate=best.name,
                                  dollars_a_month=best.cost["month"].value,
                                  time=f"an answer takes {show_seconds(best.time['answer'].value)}",
                                  quality=f"{best.quality.value:.2f} of the strongest's errors"))  # fmt: skip
            break
    return tuple(changes)
