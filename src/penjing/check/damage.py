"""Texts whose encoding was broken on their way: replacement characters, UTF-8 read as Latin-1 or as GBK, control
characters, markup that was not undone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penjing.check.finding import Finding, Parts, Severity, shown

_KINDS = (
    ("replacement characters", re.compile("�"), "read the source again in its own encoding", True),
    ("UTF-8 read as GBK", re.compile("锟斤拷|烫烫烫|屯屯屯"), "read the source again in its own encoding", True),
    (
        "UTF-8 read as Latin-1",
        re.compile("Ã[\x80-\xbf©¨¤¶¼±]|â€[™œ\x9d“”\x93\x94¦]|Â[ £©®°·»«]|[åæçèé][\x80-\xbf]{2}"),
        "read the source again as UTF-8",
        True,
    ),
    ("control characters", re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"), "remove them", False),
    ("markup", re.compile(r"&(?:amp|lt|gt|quot|nbsp|#\d{1,6});|</?(?:br|p|div|span|b|i|a)\b[^<>]{0,200}>", re.I),
     "undo it before training, and in what the model will read", False),
)  # fmt: skip


def find_damage(parts: Parts) -> Iterator[Finding]:
    """Yield each kind of damage with the rows that have it."""
    for name, pattern, fix, is_lost in _KINDS:
        places = [
            (part, row)
            for part, examples in parts.items()
            for row, one in enumerate(examples)
            if pattern.search(one.text)
        ]
        if places:
            severity: Severity = "error" if is_lost else "warning"
            yield Finding(name=name, severity=severity, says=f"{len(places):,} texts have {name}", fix=fix,
                          places=tuple(places), examples=shown(parts, places))  # fmt: skip
