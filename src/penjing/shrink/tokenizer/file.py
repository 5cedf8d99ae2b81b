"""tokenizer.json as trimming sees it: the model, and the ids that everything around the model needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from penjing.errors import ModelError
from penjing.shrink.tokenizer.base import PieceModel
from penjing.shrink.tokenizer.bpe import BpeModel, byte_alphabet
from penjing.shrink.tokenizer.unigram import UnigramModel
from penjing.shrink.tokenizer.wordpiece import WordPieceModel


@dataclass(frozen=True)
class TokenizerFile:
    """A parsed tokenizer.json."""

    spec: Mapping[str, Any]
    model: PieceModel

    def required(self) -> frozenset[int]:
        """Return the ids that must stay: added tokens, anchors, those of post-processor and padding."""
        added = {token["id"] for token in self.spec["added_tokens"]}
        padding = self.spec.get("padding")
        pad = {padding["pad_id"]} if padding else set()
        known = self.model.pieces.keys() | added
        return self.model.anchors() | (known & (added | pad | set(processor_ids(self.spec["post_processor"]))))

    def size(self) -> int:
        """Return the number of ids, pieces of the model and added tokens together."""
        added = (token["id"] for token in self.spec["added_tokens"])
        return max((*self.model.pieces, *added), default=-1) + 1


def read_tokenizer(tokenizer_json: str) -> TokenizerFile:
    """Return the tokenizer that `tokenizer_json` describes, as the tokenizers library writes it today.

    Raises:
        ModelError: it is not a tokenizer.json, or its model is not WordPiece, BPE or Unigram.
    """
    spec = json.loads(load_tokenizer(tokenizer_json).to_str())
    return TokenizerFile(spec, _model(spec))


def load_tokenizer(tokenizer_json: str) -> Tokenizer:
    """Return the library's tokenizer; raise ModelError where it refuses the text."""
    try:
        return Tokenizer.from_str(tokenizer_json)
    except Exception as error:  # the library raises plain Exception for everything
        raise ModelError(
            "tokenizer.json cannot be read",
            value=str(error),
            rule="the JSON that the tokenizers library writes",
            next_step="Download the model again",
        ) from error


def processor_ids(processor: Mapping[str, Any] | None) -> Iterator[int]:
    """Yield the ids that a post-processor adds to every text."""
    kind = processor["type"] if processor else None
    if processor is None:
        return
    if kind == "Sequence":
        for part in processor["processors"]:
            yield from processor_ids(part)
    elif kind == "TemplateProcessing":
        for token in processor["special_tokens"].values():
            yield from token["ids"]
    elif kind in {"BertProcessing", "RobertaProcessing"}:
        yield from (processor["sep"][1], processor["cls"][1])


def _model(spec: Mapping[str, Any]) -> PieceModel:
    model = spec["model"]
    if model["type"] == "WordPiece":
        return WordPieceModel.from_spec(model)
    if model["type"] == "Unigram":
        return UnigramModel.from_spec(model)
    if model["type"] == "BPE":
        of_bytes = "ByteLevel" in set(_types(spec["pre_tokenizer"]))
        return BpeModel.from_spec(model, alphabet=byte_alphabet() if of_bytes else {})
    raise ModelError(
        "this kind of tokenizer cannot be trimmed",
        value=model["type"],
        rule="WordPiece, BPE or Unigram",
        next_step="Use a model with one of these tokenizers",
    )


def _types(part: Mapping[str, Any] | None) -> Iterator[str]:
    if part is None:
        return
    yield part["type"]
    for inner in part.get("pretokenizers", ()):
        yield from _types(inner)
