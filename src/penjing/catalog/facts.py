"""Reads models.toml, devices.toml and prices.toml: what is known, where from, and since when."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from penjing.errors import TaskError
from penjing.records import DecodeTerms, Record
from penjing.spec import Kind

MANY = "many"
"""Stands among a model's languages where it knows a hundred or so."""
Use = Literal["free", "terms", "research"]
Dollars = Annotated[float, Field(gt=0, lt=1e9)]
_MOST_BYTES = 1_000_000


class Score(Record):
    """What a model reached, as a fraction; `source` says where that is written."""

    of: str
    value: float
    source: str


class CatalogModel(Record):
    """An openly licensed model."""

    name: str
    kinds: tuple[Kind, ...]
    languages: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    """From which language into which, where it is not from any into any."""
    licence: str
    use: Use
    """free: commercial use as it is; terms: under terms of its own; research: not commercial."""
    context: int
    parameters: int | None = None
    """As published; what `config` gives must be equal."""
    package: str | None = None
    """The Python package's name in `package:NAME`, where one ships it."""
    scores: tuple[Score, ...] = ()
    config: Mapping[str, Any]

    def knows(self, language: str) -> bool:
        """Return whether it knows a language, by its base code."""
        return MANY in self.languages or language in self.languages

    def translates(self, source: str, target: str) -> bool:
        """Return whether it translates from one language into another."""
        return (source, target) in self.pairs if self.pairs else self.knows(source) and self.knows(target)


class Device(Record):
    """A machine, or one accelerator; operations and bytes a second, bytes, watts."""

    name: str
    title: str
    kind: Literal["cpu", "gpu", "tpu"]
    cores: int | None = None
    float32: float
    bfloat16: float | None = None
    int8: float | None = None
    memory: float
    bandwidth: float
    watts: float
    source: str
    effective: bool = False
    """Whether operations a second were measured, so that all of them can be had."""
    decode: DecodeTerms | None = None
    """How fast language models write, where that was calibrated."""
    unchecked: tuple[str, ...] = ()
    """Figures that are well known, and have no source here."""


class DevicePrice(Record):
    """US dollars: an hour of one device, from the lowest to the highest, and one of one's own."""

    rent: tuple[Dollars, Dollars] | None = None
    buy: Dollars | None = None
    source: str

    @model_validator(mode="after")
    def _in_order(self) -> DevicePrice:
        if self.rent is not None and self.rent[0] > self.rent[1]:
            raise ValueError("rent: the lowest price comes first")
        return self


class ApiPrice(Record):
    """US dollars a million tokens, read and written."""

    title: str
    read: Dollars
    written: Dollars
    source: str


class Prices(Record):
    """What devices, APIs and electricity cost, and when to look again."""

    stale_after: date
    electricity: Dollars
    """Of a kWh."""
    devices: Mapping[str, DevicePrice]
    apis: Mapping[str, ApiPrice]
    sources: Mapping[str, str] = {}


@cache
def catalog_models() -> tuple[CatalogModel, ...]:
    """Return every model that is known, in the order of models.toml."""
    found = _ours("models.toml")
    return tuple(CatalogModel(name=name, **values) for name, values in found["models"].items())


@cache
def catalog_devices() -> Mapping[str, Device]:
    """Return every device that is known, by its name."""
    return {name: Device(name=name, **values) for name, values in _ours("devices.toml")["devices"].items()}


def find_device(name: str) -> Device:
    """Return the device of that name.

    >>> find_device("pi5").title
    'Raspberry Pi 5, 16 GB'

    Raises:
        TaskError: there is none; those that are known are named.
    """
    devices = catalog_devices()
    name = name.lower()
    if name not in devices:
        raise TaskError("no such device", value=name, rule=f"here, or one of {', '.join(sorted(devices))}")
    return devices[name]


def read_prices(path: Path | None = None) -> Prices:
    """Return the prices of the catalog, with what the file at `path` says instead; "sky" is SkyPilot's own catalog.

    Raises:
        TaskError: the file is missing, is not TOML, or holds no price.
    """
    ours = _ours("prices.toml")
    if path is None:
        return Prices.model_validate(ours)
    if path == Path("sky"):
        from penjing.catalog.skypilot import sky_prices

        known = Prices.model_validate(ours)
        return known.model_copy(update={"devices": {**known.devices, **_bought_too(known.devices, sky_prices())}})
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TaskError("too large for a file of prices", value=str(path))
        theirs = tomllib.loads(path.read_text(encoding="utf-8"))
        return Prices.model_validate(_over(ours, theirs))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TaskError("the file of prices cannot be read", value=f"{path}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise TaskError("the file of prices holds no price", value=f"{path}: {place}", rule=first["msg"]) from None


def _bought_too(ours: Mapping[str, DevicePrice], rented: Mapping[str, DevicePrice]) -> dict[str, DevicePrice]:
    """Return the prices of renting, with ours of buying beside them."""
    return {
        name: price.model_copy(update={"buy": ours[name].buy}) if name in ours else price
        for name, price in rented.items()
    }


def source_of(table: str, key: str) -> str:
    """Return what a key of [sources] in a table ("models", "devices", "prices") stands for."""
    return str(_ours(f"{table}.toml")["sources"].get(key, key))


def _over(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first with the second's values in place of its own, table by table."""
    found = dict(ours)
    for key, value in theirs.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = _over(found[key], value) if both else value
    return found


@cache
def _ours(name: str) -> Mapping[str, Any]:
    text = resources.files("penjing.catalog").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)
