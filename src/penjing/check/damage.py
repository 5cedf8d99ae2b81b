"""Texts whose encoding was broken on their way: replacement characters, UTF-8 read as Latin-1 or as GBK, control
characters, markup that was not undone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from penjing.check.finding import Finding, Parts, Severity, shown

_RUN = re.compile(r"[^\x00-\x7f]{2,}")
_MARKUP = re.compile(r"&(?:amp|lt|gt|quot|nbsp|#\d{1,6});|</?(?:br|p|div|span|b|i|a)\b[^<>]{0,200}>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LOST = re.compile("�|锟斤拷|烫烫烫|屯屯屯")


def was_read_as(text: str, encoding: str) -> bool:
    """Return whether a part of the text is UTF-8 that was read as another encoding: written so again, it is UTF-8.

    >>> was_read_as("cafÃ©", "cp1252"), was_read_as("café", "cp1252"), was_read_as("鎴戠殑鍖呰９", "gb18030")
    (True, False, True)
    """
    return any(_is_utf8(found[0], encoding) for found in _RUN.finditer(text))


def _is_utf8(run: str, encoding: str) -> bool:
    """Return whether a run of characters is UTF-8 in that encoding, and says something else in it."""
    content = _bytes(run, encoding)
    if content is None:
        return False
    for cut in range(3):  # the run may end within a character
        try:
            found = content[: len(content) - cut].decode()
        except UnicodeDecodeError:
            continue
        is_short = len(found) < _FEWEST[encoding] and _PLAIN.fullmatch(found) is None
        return found != run and found.isprintable() and not is_short
    return False


def _bytes(run: str, encoding: str) -> bytes | None:
    try:
        return run.encode(encoding)
    except UnicodeEncodeError:
        if encoding != "cp1252":
            return None
    try:
        return run.encode("latin-1")
    except UnicodeEncodeError:
        return None


_FEWEST = {"cp1252": 2, "gb18030": 3}
"""Characters that the run must be of, for it to be no chance; of a letter or punctuation one will do."""
_PLAIN = re.compile("[\x80-\u07ff\u2000-\u206f]+")
_READ_AGAIN = "read the source again, in its own encoding"
_KINDS: tuple[tuple[str, Callable[[str], object], str, Severity], ...] = (
    ("lost characters", _LOST.search, _READ_AGAIN, "error"),
    ("UTF-8 read as GBK", partial(was_read_as, encoding="gb18030"), _READ_AGAIN, "error"),
    ("UTF-8 read as Latin-1", partial(was_read_as, encoding="cp1252"), _READ_AGAIN, "error"),
    ("control characters", _CONTROL.search, "remove them", "warning"),
    ("markup", _MARKUP.search, "undo it before training, and in what the model will read", "warning"),
)


def find_damage(parts: Parts) -> Iterator[Finding]:
    """Yield each kind of damage with the rows that have it."""
    for name, has_it, fix, severity in _KINDS:
        places = [
            (part, row) for part, examples in parts.items() for row, one in enumerate(examples) if has_it(one.text)
        ]
        if places:
            yield Finding(name=name, severity=severity, says=f"{len(places):,} texts have {name}", fix=fix,
                          places=tuple(places), examples=shown(parts, places))  # fmt: skip
