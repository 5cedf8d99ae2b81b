"""How much worse a way is than the strongest: its error, relative to that one's.

Nobody knows from a catalogue what a model will reach on somebody's data. What tables do say is how errors relate:
where two models were judged by the same benchmark, by that; else by their size. What is not known widens the range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penjing.catalog.facts import MANY, CatalogModel, Score
from penjing.estimate.tensors import LOOKED_UP, Model, read_model
from penjing.estimate.value import Estimate, ranged
from penjing.spec import Kind

SLOPE = 0.2
"""Error falls as the 0.2nd power of the parameters in the blocks: Chinese BERT, RoBERTa and RBT from 21 to 303 million
on ChnSentiCorp 0.20 (Chinese-BERT-wwm), English BERT from 3 to 25 million on GLUE 0.12 (google-research/bert)."""
_BY_SIZE, _BY_SCORE, _CARRIED = (0.75, 1.4), (0.9, 1.12), (0.8, 1.25)
_FEWEST_SCORED = 3
_OF_EMBEDDINGS = frozenset({"MTEB", "C-MTEB"})
_MANY_LANGUAGES: Mapping[Kind, float] = {"classify": 1.12, "generate": 1.0, "translate": 1.5}
"""Errors over those of a model of one language, or pair, of the same size. To classify: E5 over BGE, C-MTEB, 1.06 small
and 1.19 base; to translate it is an assumption: each of 9,900 directions has a small share of the model."""


@dataclass(frozen=True)
class Way:
    """What becomes of a model, and what that does to its error."""

    name: str
    title: str
    factor: float
    spread: tuple[float, float]
    evidence: str


def blocks_of(model: Model) -> float:
    """Return the parameters beside the tables."""
    return float(sum(tensor.used for tensor in model.tensors if tensor.role not in LOOKED_UP))


def relative_errors(models: Sequence[CatalogModel]) -> dict[str, tuple[Estimate, str]]:
    """Return the error of each model over that of the strongest, all fine-tuned, and what says so.

    A model without a score lies on the line through those that have one, if these are three or more: to have no score
    is no merit.
    """
    if not models:
        return {}
    strongest = strongest_of(models)
    measured = {one.name: found for one in models if (found := _by_score(one, strongest)) is not None}
    line = _line([one for one in models if one.name in measured], measured, strongest)
    return {one.name: measured.get(one.name) or _by_size(one, strongest, line) for one in models}


def _by_score(model: CatalogModel, strongest: CatalogModel) -> tuple[Estimate, str] | None:
    """Return what a benchmark says that both were judged by; None where there is none."""
    if model == strongest:
        return ranged(1.0, "x", "the strongest by size", spread=(1.0, 1.0)), "the strongest by size"
    shared = _shared(model.scores, strongest.scores)
    if shared is None:
        return None
    ours, theirs = shared
    value = (1 - ours.value) / (1 - theirs.value)
    says = f"{ours.of}: {ours.value:.3f} beside {theirs.value:.3f} of {strongest.name}"
    if ours.of in _OF_EMBEDDINGS:
        says += ", carried over from embeddings"
        return ranged(value, "x", "(1 - score) / (1 - the strongest's)", spread=_CARRIED), says
    return ranged(value, "x", "(1 - score) / (1 - the strongest's)", spread=_BY_SCORE, basis="measured"), says


def _by_size(model: CatalogModel, strongest: CatalogModel, line: tuple[float, float]) -> tuple[Estimate, str]:
    slope, offset = line
    own = blocks_of(read_model(model.config))
    ratio = blocks_of(read_model(strongest.config)) / own
    value = offset * ratio**slope * _languages_factor(model) / _languages_factor(strongest)
    says = f"no benchmark in common with {strongest.name}: by size, {own / 1e6:,.0f} million parameters in blocks"
    formula = f"{offset:.2f} x (the strongest's blocks / its own) ** {slope:.2f}, x what many languages cost"
    return ranged(value, "x", formula, spread=_BY_SIZE), says


def _line(
    scored: Sequence[CatalogModel], measured: Mapping[str, tuple[Estimate, str]], strongest: CatalogModel
) -> tuple[float, float]:
    """Return the power of the size by which errors fall, and their height beside the strongest's."""
    if len(scored) < _FEWEST_SCORED:
        return SLOPE, 1.0
    largest = blocks_of(read_model(strongest.config))
    sizes = np.log([largest / blocks_of(read_model(one.config)) for one in scored])
    errors = np.log([measured[one.name][0].value / _languages_factor(one) for one in scored])
    errors += np.log(_languages_factor(strongest))
    if np.ptp(sizes) == 0:
        return SLOPE, 1.0
    slope, offset = np.polyfit(sizes, errors, 1)
    return float(np.clip(slope, 0.0, 1.0)), float(max(1.0, np.exp(offset)))


def strongest_of(models: Sequence[CatalogModel]) -> CatalogModel:
    """Return the model whose error is expected to be the least by size and languages: what others are compared with."""
    return max(models, key=lambda one: blocks_of(read_model(one.config)) ** SLOPE / _languages_factor(one))


def after(error: Estimate, way: Way) -> Estimate:
    """Return the error once a model went that way."""
    low, high = way.spread
    return Estimate(
        value=error.value * way.factor, low=error.low * way.factor * low, high=error.high * way.factor * high, unit="x",
        basis=error.basis, formula=f"{error.formula}; x {way.factor:g}: {way.evidence}",
    )  # fmt: skip


def _languages_factor(model: CatalogModel) -> float:
    return _MANY_LANGUAGES[model.kinds[0]] if MANY in model.languages else 1.0


def _shared(ours: Sequence[Score], theirs: Sequence[Score]) -> tuple[Score, Score] | None:
    """Return the scores of a benchmark that both have, from the same table."""
    for one in ours:
        for other in theirs:
            if (one.of, one.source) == (other.of, other.source):
                return one, other
    return None
