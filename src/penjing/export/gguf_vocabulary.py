"""The vocabulary of a checkpoint (tokenizer.json, tokenizer_config.json) as a GGUF file says it: byte-level BPE."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from penjing.errors import ModelError
from penjing.gguf.tokenizer import CONTROL, NORMAL, UNUSED, USER_DEFINED, split_of


@dataclass(frozen=True)
class Vocabulary:
    """What tokenizer.ggml.* is to say."""

    pieces: list[str]
    types: list[int]
    merges: list[str]
    split: str
    first: int | None
    """The piece with which texts begin, and whether the tokenizer puts it there."""
    begins: bool
    last: int | None
    template: str | None


def read_vocabulary(folder: Path, *, size: int) -> Vocabulary:
    """Return the vocabulary of the checkpoint in `folder`, filled up to `size` pieces.

    Raises:
        ModelError: it is not byte-level BPE, splits texts in a way that llama.cpp has no name for, or is too large.
    """
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for files it cannot parse
        raise ModelError("tokenizer.json cannot be read", value=str(folder), rule=str(error)) from None
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] != "BPE" or model.get("byte_fallback"):
        raise ModelError("this kind of vocabulary cannot be written as GGUF", value=str(folder), rule="byte-level BPE")
    ids = tokenizer.get_vocab(with_added_tokens=True)
    if max(ids.values()) >= size:
        raise ModelError("the vocabulary is larger than the model's", value=max(ids.values()) + 1, rule=f"{size}")
    added = tokenizer.get_added_tokens_decoder()
    pieces, types = [f"[PAD{number}]" for number in range(size)], [UNUSED] * size
    for piece, number in ids.items():
        pieces[number], types[number] = piece, NORMAL
    for number, token in added.items():
        types[number] = CONTROL if token.special else USER_DEFINED
    said = _settings(folder)
    first, last = (_id(tokenizer, said, name) for name in ("bos", "eos"))
    read = tokenizer.encode("a").ids
    return Vocabulary(
        pieces=pieces,
        types=types,
        merges=[merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]],
        split=split_of(tokenizer),
        first=first,
        begins=first is not None and read[:1] == [first],
        last=last,
        template=_template(folder, said),
    )


def _settings(folder: Path) -> dict[str, Any]:
    """Return what the configuration files say, those that are read first last."""
    found: dict[str, Any] = {}
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        path = folder / name
        if path.is_file():
            found |= {key: value for key, value in json.loads(path.read_text("utf-8")).items() if value is not None}
    return found


def _id(tokenizer: Tokenizer, said: dict[str, Any], name: str) -> int | None:
    """Return the id of the piece "bos" or "eos": as the tokenizer's settings name it, or by number."""
    token = said.get(f"{name}_token")
    text = token.get("content") if isinstance(token, dict) else token
    if isinstance(text, str) and (number := tokenizer.token_to_id(text)) is not None:
        return int(number)
    number = said.get(f"{name}_token_id")
    return number[0] if isinstance(number, list) and number else number


def _template(folder: Path, said: dict[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text("utf-8")
    found = said.get("chat_template")
    return found if isinstance(found, str) else None
