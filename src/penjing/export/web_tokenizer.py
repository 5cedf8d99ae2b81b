"""A tokenizer.json that browsers read too: steps which the library for browsers lacks become steps that it has.

Source: SentencePiece's documentation of its normalization rule nmt_nfkc, and the `Nmt` normalizer of the tokenizers
library, which removes some control characters and turns others, and spaces of no width, into spaces.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from penjing.errors import ExportError

_REMOVED = "[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]"
_SPACES = "[\u0009\u000a\u000c\u000d\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"


@dataclass(frozen=True, slots=True)
class WebTokenizer:
    """The file, and how many special pieces stand after a text."""

    content: str
    after: int


def web_tokenizer(content: str, *, texts: Sequence[str]) -> WebTokenizer:
    """Return the tokenizer for browsers; it was compared with the original on `texts`.

    Raises:
        ExportError: it would read some of them otherwise.
    """
    values = json.loads(content)
    if values.get("normalizer"):
        values["normalizer"] = _with_known_steps(values["normalizer"])
    values["truncation"] = values["padding"] = None
    found = json.dumps(values, ensure_ascii=False)
    ours, theirs = Tokenizer.from_str(content), Tokenizer.from_str(found)
    ours.no_truncation()
    ours.no_padding()
    other = next((text for text in texts if ours.encode(text).ids != theirs.encode(text).ids), None)
    if other is not None:
        raise ExportError("browsers would read a text otherwise", value=other[:80])
    special = theirs.encode("a").special_tokens_mask
    after = next((place for place, one in enumerate(reversed(special)) if not one), 0)
    return WebTokenizer(found, after)


def _with_known_steps(normalizer: dict[str, Any]) -> dict[str, Any]:
    steps = normalizer["normalizers"] if normalizer["type"] == "Sequence" else [normalizer]
    found: list[dict[str, Any]] = []
    for step in steps:
        if step["type"] == "Nmt":
            found += [_replacing(_REMOVED, ""), _replacing(_SPACES, " ")]
        else:
            found.append(_with_known_steps(step) if step["type"] == "Sequence" else step)
    return found[0] if len(found) == 1 else {"type": "Sequence", "normalizers": found}


def _replacing(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}
