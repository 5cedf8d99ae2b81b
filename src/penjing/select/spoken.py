"""Which languages texts are in, as far as choosing a model needs it: by their script."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SCRIPTS = (
    ("ja", re.compile(r"[぀-ヿ]")),
    ("ko", re.compile(r"[가-힯]")),
    ("zh", re.compile(r"[一-鿿]")),
    ("ru", re.compile(r"[Ѐ-ӿ]")),
    ("ar", re.compile(r"[؀-ۿ]")),
    ("hi", re.compile(r"[ऀ-ॿ]")),
    ("th", re.compile(r"[฀-๿]")),
)
_LEAST = 0.05  # of the texts, for a language to count


def spoken_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the languages of at least a twentieth of the texts, the commonest first; Latin letters count as English.

    >>> spoken_in(["味道很好", "很快", "terrible"])
    ('zh', 'en')
    """
    counts: dict[str, int] = {}
    for text in texts:
        if not any(map(str.isalpha, text)):
            continue
        code = next((code for code, script in _SCRIPTS if script.search(text)), "en")
        counts[code] = counts.get(code, 0) + 1
    found = sorted(counts, key=lambda code: -counts[code])
    return tuple(code for code in found if counts[code] >= _LEAST * sum(counts.values())) or ("en",)
