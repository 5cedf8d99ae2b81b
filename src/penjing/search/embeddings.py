"""Narrower word embeddings for students, where the recipe asks for them."""

from __future__ import annotations

import numpy as np

from penjing.records import Step
from penjing.search.context import Context
from penjing.shrink.structure import factor_words
from penjing.train.encoder import Encoder, EncoderShape


def rank_of(context: Context, shape: EncoderShape) -> int | None:
    """Return the width of a student's word embeddings where it is less than its teacher's, and than its pieces."""
    rank = context.task.recipe.rank
    return rank if rank is not None and rank < min(shape.hidden, shape.vocabulary) else None


def narrowed(context: Context, model: Encoder) -> Encoder:
    """Return `model` with word embeddings as narrow as the recipe asks for; itself where they are already."""
    rank = rank_of(context, model.shape)
    if rank is None or model.shape.rank is not None:
        return model
    counts = np.bincount(context.tokens["train"].ids, minlength=model.shape.vocabulary)
    return factor_words(model, rank, counts=counts.tolist())


def narrow_steps(context: Context, shape: EncoderShape) -> tuple[Step, ...]:
    """Return the recipe step, where there is one."""
    rank = rank_of(context, shape)
    return (Step(name="embeddings", values={"rank": rank}),) if rank else ()
