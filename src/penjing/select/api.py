"""The plan as a call, and what its arguments mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penjing.catalog.facts import Device, find_device, read_prices
from penjing.errors import TaskError
from penjing.measure.compute import this_device
from penjing.select.need import Need, base_codes
from penjing.select.plan import Plan, make_plan
from penjing.train.cached_folder import default_cache
from penjing.units import parse_seconds, parse_size

HERE = "here"
_KINDS, _USES = ("classify", "generate", "translate"), ("free", "terms", "research")


def plan(
    kind: str,
    languages: str | Sequence[str] = "en",
    *,
    examples: int | None = None,
    labels: int = 2,
    tokens: int = 64,
    written: int = 64,
    device: str = HERE,
    train_on: str = HERE,
    bar: float | None = None,
    size: str | None = None,
    latency: str | None = None,
    memory: str | None = None,
    requests: int = 1_000_000,
    licences: str | Sequence[str] = ("free", "terms"),
    offline: bool = False,
    prices: Path | None = None,
) -> Plan:
    """Return which models fit a task, on which terms and at what cost, before anything is trained or downloaded.

    `tokens` and `written` are pieces of a text and of an answer; `requests` are a month's; sizes and times are written
    with their units ("20 MB", "10 ms"). Nothing is downloaded; the device "here" is measured once.

    >>> found = plan("classify", "zh", examples=3000, device="pi5", train_on="cpu-8")
    >>> found.candidates[0].fits, found.rejected[0].reasons
    (True, ('does not know zh: it knows en',))

    Raises:
        TaskError: a value means nothing.
    """
    limits = make_limits(size=size, latency=latency, memory=memory, licences=licences)
    said = {"bar": bar, "requests": requests, "offline": offline, "examples": examples, "labels": labels,
            "tokens": tokens, "written": written}  # fmt: skip
    need = make_need(kind, languages, device=device, train_on=train_on, **limits, **said)
    return make_plan(need, read_prices(prices))


def make_need(
    kind: str, languages: str | Sequence[str], *, device: str = HERE, train_on: str = HERE, **values: Any
) -> Need:
    """Return what is asked; `values` are further fields of the need.

    Raises:
        TaskError: the kind, a language or a device is unknown.
    """
    if kind not in _KINDS:
        raise TaskError("which task?", value=kind or "none", rule=", ".join(_KINDS))
    codes = base_codes(languages if isinstance(languages, str) else ",".join(languages))
    if kind == "translate" and len(codes) != 2:
        raise TaskError("from which language into which?", value=", ".join(codes), rule="two, such as en,zh")
    named = {"serve_on": _device(device), "train_on": _device(train_on)}
    return Need.model_validate({"kind": kind, "languages": codes, **named, **values})


def make_limits(
    *, size: str | None, latency: str | None, memory: str | None, licences: str | Sequence[str]
) -> dict[str, Any]:
    """Return limits and licences as fields of a need.

    Raises:
        TaskError: one is no quantity, or no kind of licence.
    """
    uses = tuple(part.strip() for part in licences.split(",")) if isinstance(licences, str) else tuple(licences)
    if not uses or set(uses) - set(_USES):
        raise TaskError("which licences?", value=", ".join(uses), rule=", ".join(_USES))
    return {
        "size": None if size is None else parse_size(size),
        "latency_s": None if latency is None else parse_seconds(latency),
        "memory": None if memory is None else parse_size(memory),
        "uses": uses,
    }


def _device(name: str) -> Device:
    return this_device(default_cache()) if name == HERE else find_device(name)
