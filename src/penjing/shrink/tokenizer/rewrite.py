"""tokenizer.json with fewer pieces: the model, and every id around it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from penjing.errors import ModelError
from penjing.shrink.tokenizer.base import ranks
from penjing.shrink.tokenizer.file import TokenizerFile, load_tokenizer, read_tokenizer


def rewrite(tokenizer_json: str, keep: Sequence[int]) -> str:
    """Return `tokenizer_json` with only the pieces in `keep`, the new id of each its rank there.

    The normalizer, the pre-tokenizer, the decoder and the truncation stay as they are.

    Raises:
        ModelError: `keep` is not ascending, lacks a piece that must stay (as `choose_pieces` would not), or
            the tokenizer is not WordPiece, BPE or Unigram.
    """
    file = read_tokenizer(tokenizer_json)
    _check(file, keep)
    new_ids = ranks(keep)
    spec = {
        **file.spec,
        "added_tokens": [{**token, "id": new_ids[token["id"]]} for token in file.spec["added_tokens"]],
        "post_processor": _processor(file.spec["post_processor"], new_ids),
        "padding": _padding(file.spec["padding"], new_ids),
        "model": file.model.trimmed(keep),
    }
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
    _check_ids(text, file, keep)
    return text


def _check(file: TokenizerFile, keep: Sequence[int]) -> None:
    known = file.model.pieces.keys() | {token["id"] for token in file.spec["added_tokens"]}
    if list(keep) != sorted(set(keep)) or not known.issuperset(keep):
        raise ModelError(
            "the pieces to keep are not a list of ids",
            value=f"{len(keep)} ids",
            rule="ascending, of this tokenizer",
        )
    kept = set(keep)
    needed = file.required().union(*(file.model.support(one) for one in kept if one in file.model.pieces))
    if not kept.issuperset(needed):
        raise ModelError(
            "pieces are missing that must be kept",
            value=", ".join(str(one) for one in sorted(needed - kept)[:10]),
            rule="special tokens, the unknown piece, bytes, and the merge tree of every piece stay",
            next_step="Choose the pieces with choose_pieces",
        )


def _check_ids(text: str, file: TokenizerFile, keep: Sequence[int]) -> None:
    """The library numbers added tokens itself: make sure that it agrees."""
    tokenizer = load_tokenizer(text)
    names = {token["id"]: token["content"] for token in file.spec["added_tokens"]}
    for new, old in enumerate(keep):
        piece = names.get(old) or file.model.pieces[old]
        if tokenizer.token_to_id(piece) != new:
            raise ModelError(
                "the rewritten tokenizer numbers a piece otherwise",
                value=f"{piece}, {tokenizer.token_to_id(piece)} for {new}",
                rule="ids without gaps, added tokens last or in the vocabulary, no piece twice",
                next_step="Use a tokenizer without gaps or repeated pieces",
            )


def _processor(processor: Any, new_ids: Mapping[int, int]) -> Any:
    kind = processor["type"] if processor else None
    if kind == "Sequence":
        return {**processor, "processors": [_processor(part, new_ids) for part in processor["processors"]]}
    if kind == "TemplateProcessing":
        tokens = {
            name: {**token, "ids": [new_ids[one] for one in token["ids"]]}
            for name, token in processor["special_tokens"].items()
        }
        return {**processor, "special_tokens": tokens}
    if kind in {"BertProcessing", "RobertaProcessing"}:
        ends = {end: [processor[end][0], new_ids[processor[end][1]]] for end in ("sep", "cls")}
        return {**processor, **ends}
    return processor


def _padding(padding: Any, new_ids: Mapping[int, int]) -> Any:
    return {**padding, "pad_id": new_ids[padding["pad_id"]]} if padding else padding
