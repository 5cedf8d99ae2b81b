"""Narrower word embeddings for students, where the recipe asks for them."""

from __future__ import annotations

import numpy as np

from penjing.records import Step
from penjing.search.context import Context
from penjing.shrink.structure import factor_words
from penjing.train.encoder import Encoder, EncoderShape


def rank_of(context: Context, shape: EncoderShape) -> int | None:
    """Return the width of the word embeddings of students of a teacher of this shape.

    It is None where the recipe names none, or none that is less than the teacher's and than its pieces are many; and
    where the teacher's are narrow by themselves.
    """
    rank = context.task.recipe.rank
    narrower = rank is not None and shape.rank is None and rank < min(shape.hidden, shape.vocabulary)
    return rank if narrower else None


def narrowed(context: Context, model: Encoder) -> Encoder:
    """Return `model` with word embeddings as narrow as the recipe asks for; itself where they are already."""
    rank = rank_of(context, model.shape)
    if rank is None:
        return model
    counts = np.bincount(context.tokens["train"].ids, minlength=model.shape.vocabulary)
    return factor_words(model, rank, counts=counts.tolist())


def narrow_steps(context: Context, shape: EncoderShape) -> tuple[Step, ...]:
    """Return the recipe step, where there is one."""
    rank = rank_of(context, shape)
    return (Step(name="embeddings", values={"rank": rank}),) if rank else ()
