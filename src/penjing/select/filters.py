"""Hard filters: what a model must know and allow, and what must not take more than there is."""

from __future__ import annotations

from collections.abc import Callable

from penjing.catalog.facts import CatalogModel, catalog_models
from penjing.estimate.value import Estimate
from penjing.select.candidate import Candidate, Rejected
from penjing.select.need import Need
from penjing.units import show_seconds, show_size


def able_models(need: Need) -> tuple[list[CatalogModel], list[Rejected]]:
    """Return the models of the kind that pass the hard filters, and those that do not."""
    able, rejected = [], []
    for model in catalog_models():
        if need.kind not in model.kinds:
            continue
        reasons = []
        if need.kind == "translate":
            if not model.translates(*need.languages[:2]):
                reasons.append(f"does not translate {need.languages[0]} into {need.languages[1]}")
        elif missing := [code for code in need.languages if not model.knows(code)]:
            reasons.append(f"does not know {', '.join(missing)}: it knows {', '.join(model.languages)}")
        if model.use not in need.uses:
            reasons.append(f"licence {model.licence} is for {model.use}, and you ask for {' or '.join(need.uses)}")
        if need.offline and model.package is None:
            reasons.append("no Python package ships it")
        if need.kind == "generate" and need.tokens + need.written > model.context:
            reasons.append(f"reads {model.context:,} pieces at most, and you need {need.tokens + need.written:,}")
        if reasons:
            rejected.append(Rejected(name=model.name, reasons=tuple(reasons)))
        else:
            able.append(model)
    return able, rejected


def broken_limits(need: Need, candidate: Candidate) -> list[tuple[float, str]]:
    """Return by how many times each limit is broken, and what says so; a limit that may hold is not broken."""
    return [
        (estimate.low / limit, f"{name}: {show(estimate.low)} at least, and {show(limit)} is allowed")
        for name, estimate, limit, show in _limits(need, candidate)
        if estimate.low > limit
    ]


def doubtful_limits(need: Need, candidate: Candidate) -> list[str]:
    """Return what says of each limit that it is expected to be broken, and may hold all the same."""
    return [
        f"may not fit: {name} {show(estimate.value)} expected, and {show(limit)} is allowed"
        for name, estimate, limit, show in _limits(need, candidate)
        if estimate.value > limit
    ]


def _limits(need: Need, candidate: Candidate) -> list[tuple[str, Estimate, float, Callable[[float], str]]]:
    serve, train = candidate.memory["serve"], candidate.memory.get("train")
    limits: list[tuple[str, Estimate | None, float | None, Callable[[float], str]]] = [
        ("size", candidate.size, need.size, show_size),
        ("answer", candidate.time["answer"], need.latency_s, show_seconds),
        ("memory to serve", serve, need.memory, show_size),
        (f"memory of {need.serve_on.title}", serve, need.serve_on.memory, show_size),
        (f"memory to train on {need.train_on.title}", train, need.train_on.memory, show_size),
    ]
    return [(name, estimate, limit, show) for name, estimate, limit, show in limits if estimate and limit is not None]
