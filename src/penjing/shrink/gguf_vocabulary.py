"""A smaller vocabulary for a language model in GGUF: rows of the embeddings are dropped as they lie, without rounding.

Where the embeddings are most of a small model, they are also most of what is read for each token that it writes: the
last layer multiplies by all of them. A text whose pieces all stay gets the same pieces and the same logits for them as
before; other text falls back to smaller pieces and bytes (see `penjing.shrink.tokenizer`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from penjing.errors import MissingExtraError, ModelError
from penjing.gguf import read_header
from penjing.shrink.gguf_tokenizer import GgufVocabulary, special_ids, tokenizer_json
from penjing.shrink.tokenizer import choose_pieces, count_pieces

_BY_PIECE = ("token_embd.weight", "output.weight")
_LISTS = ("tokens", "scores", "token_type")
_PREFIX = "tokenizer.ggml."


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
        ModelError: the file is damaged, or its vocabulary is of a kind that is not known.
        MissingExtraError: the `gguf` package is not installed.
    """
    before = read_header(source)
    gguf, reader = _open(source)
    fields = _fields(reader)
    vocabulary = _vocabulary(fields)
    kept = _kept(vocabulary, fields, texts, size=size)
    partial = target.with_name(f".{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer = gguf.GGUFWriter(partial, before.architecture)
        _write(gguf, reader, writer, fields, _changed(vocabulary, fields, kept, before.architecture), kept)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return Trimmed(len(vocabulary.pieces), len(kept), source.stat().st_size, target.stat().st_size)


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
    _, reader = _open(path)
    return Tokenizer.from_str(tokenizer_json(_vocabulary(_fields(reader))))


def _open(path: Path) -> tuple[Any, Any]:
    """Return the library and its reader of a file whose header was checked."""
    read_header(path)
    try:
        import gguf
    except ImportError:
        raise MissingExtraError("gguf", extra="llamacpp") from None
    return gguf, gguf.GGUFReader(path)


def _fields(reader: Any) -> dict[str, Any]:
    return {field.name: field for field in reader.fields.values()}


def _vocabulary(fields: Mapping[str, Any]) -> GgufVocabulary:
    def contents(name: str, default: Any = None) -> Any:
        field = fields.get(_PREFIX + name)
        return default if field is None else field.contents()

    pieces = contents("tokens")
    if not pieces:
        raise ModelError("the file has no vocabulary", rule="tokenizer.ggml.tokens")
    return GgufVocabulary(
        kind=str(contents("model", "")),
        pieces=pieces,
        types=contents("token_type", [1] * len(pieces)),
        scores=contents("scores", [0.0] * len(pieces)),
        merges=contents("merges", []),
        unknown=contents("unknown_token_id"),
    )


def _kept(
    vocabulary: GgufVocabulary, fields: Mapping[str, Any], texts: Sequence[str], *, size: int | None
) -> NDArray[np.int64]:
    spec = tokenizer_json(vocabulary)
    counts = count_pieces(Tokenizer.from_str(spec), texts)
    chosen = set(choose_pieces(spec, counts, texts, size=size)) | set(special_ids(vocabulary))
    named = {int(fields[name].contents()) for name in _ids(fields)}
    return np.array(sorted(chosen | {piece_id for piece_id in named if piece_id < len(vocabulary.pieces)}))


def _ids(fields: Mapping[str, Any]) -> list[str]:
    """Return the fields that hold a token's id."""
    return [name for name in fields if name.startswith(_PREFIX) and name.endswith("_token_id")]


def _changed(
    vocabulary: GgufVocabulary, fields: Mapping[str, Any], kept: NDArray[np.int64], architecture: str
) -> dict[str, Any]:
    """Return the new values of the fields that depend on the vocabulary."""
    ranks = {int(piece_id): rank for rank, piece_id in enumerate(kept)}
    found: dict[str, Any] = {}
    for name in _LISTS:
        if (field := fields.get(_PREFIX + name)) is not None:
            values = field.contents()
            found[_PREFIX + name] = [values[piece_id] for piece_id in kept]
    for name in _ids(fields):
        found[name] = ranks[int(fields[name].contents())]
    if vocabulary.merges:
        pieces = {vocabulary.pieces[piece_id] for piece_id in kept}
        found[_PREFIX + "merges"] = [merge for merge in vocabulary.merges if _possible(merge, pieces)]
    if (sizes := f"{architecture}.vocab_size") in fields:
        found[sizes] = len(kept)
    return found


def _possible(merge: str, pieces: set[str]) -> bool:
    left, right = merge.split(" ", 1)
    return left in pieces and right in pieces and left + right in pieces


def _write(
    gguf: Any,
    reader: Any,
    writer: Any,
    fields: Mapping[str, Any],
    changed: Mapping[str, Any],
    kept: NDArray[np.int64],
) -> None:
    array = gguf.GGUFValueType.ARRAY
    for name, field in fields.items():
        if name == "general.architecture" or name.startswith("GGUF."):
            continue  # the writer's own
        sub_type = field.types[-1] if field.types[0] == array else None
        value = changed[name] if name in changed else field.contents()
        writer.add_key_value(name, value, field.types[0], sub_type=sub_type)
    tensors = [(tensor, tensor.data[kept] if tensor.name in _BY_PIECE else tensor.data) for tensor in reader.tensors]
    for tensor, data in tensors:
        writer.add_tensor_info(tensor.name, data.shape, data.dtype, data.nbytes, tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, data in tensors:
        writer.write_tensor_data(data)
    writer.close()
