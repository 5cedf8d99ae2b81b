"""The energy that the processor takes, where the machine has a counter that may be read.

Source: Linux's documentation of the power capping framework (powercap): `energy_uj` of a package's zone counts
microjoules and begins anew at `max_energy_range_uj`. Intel's and AMD's processors have it (RAPL); virtual machines
mostly have not, and since 2020 kernels let only root read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True, slots=True)
class EnergyMeter:
    """The counters of all packages of a machine; made by `energy_meter`."""

    zones: tuple[tuple[Path, int], ...]
    """Each package's counter, and where it begins anew, in microjoules."""

    def read(self) -> tuple[int, ...]:
        """Return the counters, in microjoules."""
        return tuple(int((zone / "energy_uj").read_text(encoding="ascii")) for zone, _ in self.zones)

    def joules_since(self, before: tuple[int, ...]) -> float:
        """Return the joules that all packages took since `before`; one turn of a counter at the most."""
        spent = (
            now - then if now >= then else now + most - then
            for now, then, (_, most) in zip(self.read(), before, self.zones, strict=True)
        )
        return sum(spent) / 1e6


def energy_meter(root: Path = POWERCAP) -> EnergyMeter | None:
    """Return the meter of this machine; None where there is no counter that may be read."""
    zones = []
    for zone in sorted(root.glob("*-rapl:*")):
        try:
            if not (zone / "name").read_text(encoding="ascii").startswith("package"):
                continue
            int((zone / "energy_uj").read_text(encoding="ascii"))
            zones.append((zone, int((zone / "max_energy_range_uj").read_text(encoding="ascii"))))
        except (OSError, ValueError):
            continue
    return EnergyMeter(tuple(zones)) if zones else None
