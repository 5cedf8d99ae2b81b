"""What machines cost to rent, as SkyPilot knows it: from the catalog that it keeps on this machine, nothing fetched.

SkyPilot writes ~/.sky/catalogs/VERSION/CLOUD/vms.csv (or CLOUD.csv) when it is used; `sky show-gpus` brings it up to
date. Source of the columns: skypilot-catalog, README, schema v5 to v8.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from penjing.catalog.facts import DevicePrice
from penjing.errors import TaskError

HERE = "sky"
"""Stands for a file of prices where SkyPilot's catalog is meant."""
_MOST_BYTES = 64 * 2**20
_QUARTILE = 0.75
_ACCELERATORS = {
    "T4": "t4", "L4": "l4", "A10G": "a10g", "L40S": "l40s", "RTX3090": "rtx3090", "RTX4090": "rtx4090",
    "RTX5090": "rtx5090", "A100": "a100-40", "A100-80GB": "a100-80", "H100": "h100", "H100-SXM": "h100",
    "H200": "h200", "H200-SXM": "h200", "B200": "b200", "MI300X": "mi300x", "tpu-v5litepod-1": "tpu-v5e",
    "tpu-v6e-1": "tpu-v6e", "Inferentia2": "inferentia2",
}  # fmt: skip
_MACHINES = {(4.0, 16.0): "cpu-4", (8.0, 32.0): "cpu-8"}
"""Virtual cores and GiB of machines without an accelerator."""


def sky_prices(folder: Path | None = None) -> Mapping[str, DevicePrice]:
    """Return the hourly price of one device by its name: the lowest on demand, and the third quartile.

    `folder` is where catalogs are (default: ~/.sky/catalogs); the newest version in it is read.

    Raises:
        TaskError: there is no catalog, or none of its rows is of a device that is known.
    """
    place = folder or Path.home() / ".sky" / "catalogs"
    versions = sorted((one for one in place.glob("v*") if one.name[1:].isdigit()), key=lambda one: int(one.name[1:]))
    if not versions:
        raise TaskError(
            "no catalog of SkyPilot is here", value=str(place), next_step="Run sky show-gpus once, which writes it"
        )
    found: dict[str, list[float]] = defaultdict(list)
    clouds: dict[str, set[str]] = defaultdict(set)
    for cloud, row in _rows(versions[-1]):
        priced = _priced(row)
        if priced is not None:
            found[priced[0]].append(priced[1])
            clouds[priced[0]].add(cloud)
    if not found:
        raise TaskError("SkyPilot's catalog has no device that is known", value=str(versions[-1]))
    return {
        name: DevicePrice(
            rent=(min(prices), sorted(prices)[math.ceil(_QUARTILE * len(prices)) - 1]),
            source=f"SkyPilot catalog {versions[-1].name} on this machine: {', '.join(sorted(clouds[name])[:6])}",
        )
        for name, prices in found.items()
    }


def _rows(version: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the cloud and the values of each row."""
    for path in sorted((*version.glob("*/vms.csv"), *version.glob("*.csv"))):
        if path.stat().st_size > _MOST_BYTES:
            raise TaskError("too large for a catalog", value=str(path), rule=f"at most {_MOST_BYTES} bytes")
        cloud = path.parent.name if path.name == "vms.csv" else path.stem
        try:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    yield cloud, row
        except (UnicodeDecodeError, csv.Error) as error:
            raise TaskError("a catalog of SkyPilot cannot be read", value=f"{path}: {error}") from None


def _priced(row: Mapping[str, str]) -> tuple[str, float] | None:
    """Return the device of a row and dollars an hour of one; None where either is not known."""
    price = _number(row.get("Price"))
    if price is None or price <= 0:
        return None
    name = (row.get("AcceleratorName") or "").strip()
    if name:
        count = _number(row.get("AcceleratorCount")) or 1.0
        device = _ACCELERATORS.get(name)
        return None if device is None else (device, price / count)
    size = _number(row.get("vCPUs")), _number(row.get("MemoryGiB"))
    machine = _MACHINES.get(size)  # type: ignore[arg-type]
    return None if machine is None else (machine, price)


def _number(text: str | None) -> float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if math.isfinite(found) else None
