"""The tokenizer inside a GGUF file as a tokenizer.json, so that it can be counted with and trimmed like any other.

Two kinds are known: "gpt2" (byte-level BPE with its merges) and "llama" (SentencePiece's BPE: of all neighbours whose
union is a piece, those whose piece scores most, again and again). The second has no merges in the file; a pair's rank
is that of the score of its union, which gives the same order. Of the first, the file names the expressions by which a
text is split into words.

Source: llama.cpp, src/llama-vocab.cpp (how each kind splits and tokenizes); Kudo and Richardson 2018, "SentencePiece".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from penjing.errors import ModelError

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # llama.cpp's types of tokens
_SPACE = "▁"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS = {
    "gpt-2": (_GPT2,),
    "smollm": (r"\p{N}", _GPT2),
    "qwen2": (_WORDS % "",),
    "llama-bpe": (_WORDS % "{1,3}",),
}
"""Expressions by llama.cpp's name for them (tokenizer.ggml.pre); each splits what those before it left."""
_PROBES = (
    "It's 12345 o'clock, I'LL say;  two  blanks\n\n\tand\r\n lines: (a)b_c! 盆景在2026年。",
    " 1 22 333 4444 don't DON'T x'S\n \n  end",
)
_EMPTY = {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {}, "merges": []}}
_WHOLE_WORDS = ("llama-bpe",)  # a word that is a piece is not merged together


@dataclass(frozen=True)
class GgufVocabulary:
    """What tokenizer.ggml.* says."""

    kind: str
    pieces: Sequence[str]
    types: Sequence[int]
    scores: Sequence[float]
    merges: Sequence[str]
    """Of "gpt2": the two parts of each merge with a blank between."""
    unknown: int | None
    """The id of the unknown piece."""
    split: str = ""
    """Of "gpt2": how a text is split into words, by llama.cpp's name."""


def check_vocabulary(vocabulary: GgufVocabulary) -> None:
    """Raise ModelError where the lists do not go together, or a piece, a merge or the unknown piece is none."""
    pieces, unknown = len(vocabulary.pieces), vocabulary.unknown
    for name, values in (("token_type", vocabulary.types), ("scores", vocabulary.scores)):
        if len(values) != pieces:
            raise ModelError("the vocabulary is damaged", value=f"{len(values)} {name}", rule=f"{pieces}, as pieces")
    if not all(isinstance(piece, str) for piece in vocabulary.pieces):
        raise ModelError("the vocabulary is damaged", rule="pieces are texts")
    known = set(vocabulary.pieces)
    merge = next((merge for merge in vocabulary.merges if not _joins(merge, known)), None)
    if merge is not None:
        raise ModelError("the vocabulary is damaged", value=str(merge)[:80], rule="a merge is two pieces that make one")
    if unknown is not None and not (isinstance(unknown, int) and 0 <= unknown < pieces):
        raise ModelError("the vocabulary is damaged", value=f"unknown piece {unknown}", rule=f"one of {pieces}")


def _joins(merge: object, known: set[str]) -> bool:
    if not isinstance(merge, str):
        return False
    left, _, right = merge.partition(" ")
    return left in known and right in known and left + right in known


def tokenizer_json(vocabulary: GgufVocabulary) -> str:
    """Return the vocabulary as a tokenizer.json of the tokenizers library.

    Raises:
        ModelError: the vocabulary is neither gpt2 nor llama, or splits texts in a way that is not known.
    """
    if vocabulary.kind == "gpt2":
        model, around = _byte_level(vocabulary)
    elif vocabulary.kind == "llama":
        model, around = _sentencepiece(vocabulary)
    else:
        raise ModelError(
            "this kind of vocabulary cannot be trimmed",
            value=vocabulary.kind,
            rule="tokenizer.ggml.model is gpt2 or llama",
        )
    spec = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(piece_id, vocabulary) for piece_id in special_ids(vocabulary)],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        **around,
        "model": model,
    }
    return json.dumps(spec, ensure_ascii=False)


def split_of(tokenizer: Tokenizer) -> str:
    """Return llama.cpp's name for the way in which a byte-level tokenizer splits texts into words.

    Raises:
        ModelError: it has none that is known.
    """
    found = tokenizer.pre_tokenizer
    for name, expressions in _SPLITS.items():
        known = Tokenizer.from_str(json.dumps(_EMPTY | {"pre_tokenizer": _pre_tokenizer(expressions)})).pre_tokenizer
        if found is not None and all(_split(found, text) == _split(known, text) for text in _PROBES):
            return name
    raise ModelError(
        "this way of splitting texts into words is not known",
        value=str(found)[:100],
        rule=f"as {', '.join(_SPLITS)} do",
    )


def _split(splitter: Any, text: str) -> list[str]:
    return [word for word, _ in splitter.pre_tokenize_str(text)]


def _pre_tokenizer(expressions: Sequence[str]) -> dict[str, Any]:
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    splits = [
        {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
        for expression in expressions
    ]
    return {"type": "Sequence", "pretokenizers": [*splits, level]}


def special_ids(vocabulary: GgufVocabulary) -> list[int]:
    """Return the ids of control tokens and of those that users defined, placeholders for neither left out."""
    wanted = {CONTROL, USER_DEFINED}
    return [
        piece_id
        for piece_id, (piece, kind) in enumerate(zip(vocabulary.pieces, vocabulary.types, strict=True))
        if kind in wanted and not piece.startswith("<unused")
    ]


def _added(piece_id: int, vocabulary: GgufVocabulary) -> dict[str, Any]:
    return {
        "id": piece_id,
        "content": vocabulary.pieces[piece_id],
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": vocabulary.types[piece_id] == CONTROL,
    }


def _byte_level(vocabulary: GgufVocabulary) -> tuple[dict[str, Any], dict[str, Any]]:
    if vocabulary.split not in _SPLITS:
        raise ModelError(
            "this way of splitting texts into words is not known",
            value=vocabulary.split or "none is named",
            rule=f"tokenizer.ggml.pre is one of {', '.join(_SPLITS)}",
        )
    merges = [merge.split(" ", 1) for merge in vocabulary.merges]
    whole = vocabulary.split in _WHOLE_WORDS
    model = {**_bpe(vocabulary, merges, unknown=None, byte_fallback=False), "ignore_merges": whole}
    splitter = _pre_tokenizer(_SPLITS[vocabulary.split])
    return model, {"pre_tokenizer": splitter, "decoder": splitter["pretokenizers"][-1]}


def _sentencepiece(vocabulary: GgufVocabulary) -> tuple[dict[str, Any], dict[str, Any]]:
    unknown = None if vocabulary.unknown is None else vocabulary.pieces[vocabulary.unknown]
    model = _bpe(vocabulary, _merges(vocabulary), unknown=unknown, byte_fallback=True)
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    split = {"type": "Split", "pattern": {"String": _SPACE}, "behavior": "MergedWithNext", "invert": False}
    return model, {"normalizer": replace, "pre_tokenizer": split}


def _merges(vocabulary: GgufVocabulary) -> list[list[str]]:
    """Return every pair of pieces whose union is a piece, those of the highest score first."""
    known = set(vocabulary.pieces)
    found = []
    for piece, kind, score in zip(vocabulary.pieces, vocabulary.types, vocabulary.scores, strict=True):
        if kind == NORMAL:
            found += [
                (-score, [piece[:cut], piece[cut:]])
                for cut in range(1, len(piece))
                if piece[:cut] in known and piece[cut:] in known
            ]
    found.sort(key=lambda pair: pair[0])
    return [merge for _, merge in found]


def _bpe(
    vocabulary: GgufVocabulary, merges: list[list[str]], *, unknown: str | None, byte_fallback: bool
) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": byte_fallback,
        "ignore_merges": False,
        "vocab": {piece: piece_id for piece_id, piece in enumerate(vocabulary.pieces)},
        "merges": merges,
    }
