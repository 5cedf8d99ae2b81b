"""As many layers of a model in four bits as a bar allows, in OpenVINO: what NNCF makes of it, measured there.

The texts that judge are not those that NNCF sees. The reference is the same model in sixteen bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from penjing.data.passages import Passage
from penjing.errors import DataError, ModelError
from penjing.export.openvino_surprise import openvino_surprise
from penjing.export.openvino_text import export_openvino
from penjing.export.openvino_weights import Ids, compress_weights
from penjing.measure.scored import judge_scored
from penjing.measure.size import folder_size
from penjing.records import Verdict
from penjing.search.text.context import DEFAULT_WINDOW, SOME_WINDOWS, piece_reader
from penjing.spec import Bar
from penjing.train.windows import Windows, cut_windows, spread_rows

FOUR_BITS = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)
"""Shares of the layers, the smallest file first."""
_FEWEST_TEXTS = 20
_HELD_OUT, _MOST_BYTES = 10, 32_000  # one text of so many judges, and of those no more than so many bytes


@dataclass(frozen=True, slots=True)
class Tried:
    """One file that was made and measured."""

    four_bits: float
    """The share of the layers that has four bits; the others have eight."""
    size_bytes: int
    bits_per_byte: float
    verdict: Verdict


def search_openvino_weights(
    source: Path,
    folder: Path,
    texts: Sequence[str],
    *,
    bar: Bar,
    threads: int,
    tell: Callable[[Tried], None] = lambda tried: None,
) -> list[Tried]:
    """Write the smallest file that holds `bar` into the new `folder`, or that in eight bits; return what was tried.

    Raises:
        DataError: there are too few texts.
        ModelError: OpenVINO GenAI does not read this kind of model, or `folder` is there already.
        ExportError: NNCF cannot round its weights.
        MissingExtraError: openvino-genai or nncf is not installed.
    """
    if folder.exists():
        raise ModelError("the output is there already", value=str(folder), rule="a new folder")
    judged, samples = _read(source, texts)
    folder.parent.mkdir(parents=True, exist_ok=True)
    found: list[Tried] = []
    with TemporaryDirectory(dir=folder.parent, prefix=".openvino-") as temporary:
        whole = Path(temporary) / "whole"
        export_openvino(source, whole, weights="F16")
        reference = openvino_surprise(whole, judged, threads=threads).scored
        for four_bits in FOUR_BITS:
            made = Path(temporary) / f"{four_bits:g}"
            compress_weights(whole, made, four_bits=four_bits, samples=samples)
            scored = openvino_surprise(made, judged, threads=threads).scored
            verdict = judge_scored(bar, scored, reference, split="dev", seed=0)
            found.append(Tried(four_bits, folder_size(made), scored.value, verdict))
            tell(found[-1])
            if verdict.probability >= bar.confidence:
                break
        made.rename(folder)
    return found


def _read(source: Path, texts: Sequence[str]) -> tuple[Windows, list[Ids]]:
    """Return the windows that judge, and the pieces of some of the other texts."""
    if len(texts) < _FEWEST_TEXTS:
        raise DataError("too few texts to round by", value=len(texts), rule=f"at least {_FEWEST_TEXTS}")
    reader = piece_reader(source)
    held_out = texts[-(len(texts) // _HELD_OUT) :]
    sizes = accumulate(len(text.encode()) for text in held_out)
    judges = [text for text, size in zip(held_out, sizes, strict=True) if size <= _MOST_BYTES] or held_out[:1]
    seen = texts[: len(texts) - len(held_out)]
    windows, judged = (
        cut_windows([Passage((), text) for text in some], reader, most=DEFAULT_WINDOW) for some in (seen, judges)
    )
    starts = windows.tokens.starts
    rows = spread_rows(windows, SOME_WINDOWS)
    return judged, [windows.tokens.ids[starts[row] : starts[row + 1]] for row in rows]
