"""Passages that are asked later, to be timed or judged: what must be true of them is checked before training."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.data.passages import Passage
from penjing.errors import DataError
from penjing.measure.answers import score_answers
from penjing.measure.text_speed import TOKENS
from penjing.spec import Metric
from penjing.train.windows import PieceReader

_ROOM = 1.5  # times the longest answer that is expected
TIMED_CONTEXT = 2048
"""Pieces that a file which is timed has room for."""
_FEWEST = 2


def room_for_answers(reader: PieceReader, passages: Sequence[Passage]) -> int:
    """Return how many pieces an answer may have: half as many again as the longest that is expected."""
    return round(_ROOM * max(len(reader.read(passage)[1]) for passage in passages))


def short_enough(reader: PieceReader, passages: Sequence[Passage], *, context: int) -> tuple[Passage, ...]:
    """Return those of `passages` whose questions leave room for an answer while files are timed.

    A tenth is kept for a smaller vocabulary, which spells some texts with more pieces.

    Raises:
        DataError: they are fewer than two.
    """
    most = (min(context, TIMED_CONTEXT) - TOKENS) * 9 // 10
    found = tuple(passage for passage in passages if not passage.prompt or len(reader.read(passage)[0]) <= most)
    if len(found) < _FEWEST:
        raise DataError(
            "the questions of dev are too long",
            value=f"{len(found)} have {most} pieces or fewer",
            rule=f"{_FEWEST} or more, to time answers with",
            next_step="Shorten the longest rows, or leave them out",
        )
    return found


def check_questions(metric: Metric, reader: PieceReader, passages: Sequence[Passage], *, context: int) -> None:
    """Raise what would stop the judging of answers later.

    Raises:
        DataError: a passage answers nothing, its answer has lines and the model no chat template to end them with, or a
            question and the room for its answer are longer than `context` pieces.
        MissingExtraError: the metric's library is not installed.
    """
    score_answers(metric, ["a"], ["a"])
    if not all(passage.prompt for passage in passages):
        raise DataError(
            "texts without questions have no answers to compare",
            value=metric,
            rule="data with prompts and answers, or the metric bits_per_byte",
        )
    lines = next((found.text for found in passages if "\n" in found.text.strip()), None)
    if reader.template is None and lines is not None:
        raise DataError(
            "an answer of several lines",
            value=lines[:80],
            rule="one line, where the model has no chat template: a line's end is the end of its answer",
            next_step="Use the metric bits_per_byte",
        )
    longest = max(len(reader.read(passage)[0]) for passage in passages) + room_for_answers(reader, passages)
    if longest > context:
        raise DataError(
            "a question and its answer are too long",
            value=f"{longest} pieces",
            rule=f"at most {context}",
            next_step="Shorten or leave out the longest rows",
        )
