"""A smaller vocabulary for a language model in GGUF: rows of the embeddings are dropped as they lie, without rounding.

Where the embeddings are most of a small model, they are also most of what is read for each token that it writes: the
last layer multiplies by all of them. A text whose pieces all stay gets the same pieces and the same logits for them as
before; other text falls back to smaller pieces and bytes (see `penjing.shrink.tokenizer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from penjing.errors import ModelError
from penjing.gguf.file import GgufFile, Stored, open_gguf, rewrite
from penjing.gguf.tokenizer import GgufVocabulary, check_vocabulary, special_ids, tokenizer_json
from penjing.shrink.tokenizer import choose_pieces, count_pieces
from penjing.shrink.tokenizer import rewrite as rewrite_tokenizer

_BY_PIECE = ("token_embd.weight", "output.weight")
_LISTS = ("tokens", "scores", "token_type")
_PREFIX = "tokenizer.ggml."
_SIZES = 8


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What trimming did."""

    pieces_before: int
    pieces_after: int
    bytes_before: int
    bytes_after: int


def trim_gguf(source: Path, target: Path, texts: Sequence[str], *, size: int | None = None) -> Trimmed:
    """Write to `target` the model in `source` with the pieces that `texts` and texts like them need.

    `size` is how many pieces to keep (default: those of the texts, all characters of their scripts, and half as many
    frequent ones). Special tokens and single bytes always stay, so that any text can still be read and written.

    Raises:
        ModelError: the file is damaged, its vocabulary is of a kind that is not known, or it has more tensors with a
            row a piece than embeddings and a last layer.
        MissingExtraError: the `gguf` package is not installed.
    """
    file = open_gguf(source)
    vocabulary = _vocabulary(file)
    kept = _kept(vocabulary, file, texts, size=size)
    _check_rows(file, len(vocabulary.pieces))
    stored = {name: file.stored(name) for name in _BY_PIECE if name in file.tensors}
    rows = {name: Stored(found.data[kept], found.type_name) for name, found in stored.items()}
    rewrite(file, target, values=_changed(vocabulary, file, kept), tensors=rows)
    return Trimmed(len(vocabulary.pieces), len(kept), source.stat().st_size, target.stat().st_size)


def _check_rows(file: GgufFile, pieces: int) -> None:
    """Raise ModelError where rows by piece are fewer than the pieces, or where others than those known are there."""
    for name in _BY_PIECE:
        rows = len(file.stored(name).data) if name in file.tensors else pieces
        if rows < pieces:
            raise ModelError("the file has fewer rows than pieces", value=f"{name}: {rows}", rule=f"{pieces} rows")
    strange = [
        name
        for name in file.tensors
        if name not in _BY_PIECE
        and (
            name.endswith("token_embd.weight")
            or (len(file.stored(name).data) == pieces and not name.startswith("blk."))
        )
    ]
    if strange:
        raise ModelError("a tensor has a row a piece that is not known", value=strange[0], rule=" or ".join(_BY_PIECE))


def size_for(source: Path, texts: Sequence[str], held_out: Sequence[str], *, most_more: float) -> int:
    """Return how many pieces to keep, as few as may be, so that `held_out` takes at most a share `most_more` more.

    Of nine sizes, from what `trim_gguf` keeps of `texts` without one to all pieces, the first that does is taken.
    """
    file = open_gguf(source)
    vocabulary = _vocabulary(file)
    spec = tokenizer_json(vocabulary)
    allowed = (1 + most_more) * _pieces(spec, held_out)
    fewest, most = len(_kept(vocabulary, file, texts, size=None)), len(vocabulary.pieces)
    for step in range(_SIZES):
        size = fewest + (most - fewest) * step // _SIZES
        kept = _kept(vocabulary, file, texts, size=size if step else None)
        if _pieces(rewrite_tokenizer(spec, kept.tolist()), held_out) <= allowed:
            return len(kept)
    return most


def _pieces(spec: str, texts: Sequence[str]) -> int:
    """Return how many pieces `texts` take."""
    return int(count_pieces(Tokenizer.from_str(spec), texts).sum())


def share_unchanged(before: Path, after: Path, texts: Sequence[str]) -> float:
    """Return the share of `texts` that both files cut into the same pieces."""
    old, new = (read_tokenizer(path) for path in (before, after))
    same = sum(
        first.tokens == second.tokens
        for first, second in zip(
            old.encode_batch(texts, add_special_tokens=False),
            new.encode_batch(texts, add_special_tokens=False),
            strict=True,
        )
    )
    return same / len(texts)


def read_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer of the GGUF file at `path`, as the tokenizers library runs it."""
    return Tokenizer.from_str(tokenizer_json(_vocabulary(open_gguf(path))))


def _vocabulary(file: GgufFile) -> GgufVocabulary:
    pieces = file.value(_PREFIX + "tokens")
    if not pieces:
        raise ModelError("the file has no vocabulary", rule="tokenizer.ggml.tokens")
    found = GgufVocabulary(
        kind=str(file.value(_PREFIX + "model", "")),
        pieces=pieces,
        types=file.value(_PREFIX + "token_type", [1] * len(pieces)),
        scores=file.value(_PREFIX + "scores", [0.0] * len(pieces)),
        merges=file.value(_PREFIX + "merges", []),
        unknown=file.value(_PREFIX + "unknown_token_id"),
        split=str(file.value(_PREFIX + "pre", "")),
    )
    check_vocabulary(found)
    return found


def _kept(vocabulary: GgufVocabulary, file: GgufFile, texts: Sequence[str], *, size: int | None) -> NDArray[np.int64]:
    spec = tokenizer_json(vocabulary)
    counts = count_pieces(Tokenizer.from_str(spec), texts)
    chosen = set(choose_pieces(spec, counts, texts, size=size)) | set(special_ids(vocabulary))
    named = {int(file.value(name)) for name in _ids(file)}
    return np.array(sorted(chosen | {piece_id for piece_id in named if piece_id < len(vocabulary.pieces)}))


def _ids(file: GgufFile) -> list[str]:
    """Return the fields that hold a token's id."""
    return [name for name in file.fields if name.startswith(_PREFIX) and name.endswith("_token_id")]


def _changed(vocabulary: GgufVocabulary, file: GgufFile, kept: NDArray[np.int64]) -> dict[str, Any]:
    """Return the new values of the fields that depend on the vocabulary."""
    ranks = {int(piece_id): rank for rank, piece_id in enumerate(kept)}
    found: dict[str, Any] = {}
    for name in _LISTS:
        if (values := file.value(_PREFIX + name)) is not None:
            found[_PREFIX + name] = [values[piece_id] for piece_id in kept]
    for name in _ids(file):
        found[name] = ranks.get(int(file.value(name)), file.value(name))  # one that names no piece still names none
    if vocabulary.merges:
        pieces = {vocabulary.pieces[piece_id] for piece_id in kept}
        found[_PREFIX + "merges"] = [merge for merge in vocabulary.merges if _possible(merge, pieces)]
    if (sizes := f"{file.architecture}.vocab_size") in file.fields:
        found[sizes] = len(kept)
    return found


def _possible(merge: str, pieces: set[str]) -> bool:
    left, right = merge.split(" ", 1)
    return left in pieces and right in pieces and left + right in pieces
