"""What must survive a translation as it is: tags, format directives, escapes, addresses; and accelerators.

Each is masked by a sentinel, ｟0｠ for the first, that models learn to copy; afterwards each must be there again, once.
The directives are those of gettext's manual, "Preparing Translatable Strings" (c-format, python-format, qt-format,
kde-format and others).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

MOST_SENTINELS = 16
SENTINELS = tuple(f"｟{number}｠" for number in range(MOST_SENTINELS))
_SENTINEL = re.compile(r"｟(\d{1,2})｠")

_KEPT = re.compile(
    r"""
      </?[A-Za-z][^<>]{0,300}>                                   # tags
    | &(?:[A-Za-z]{2,8}|\#\d{1,6}|\#x[0-9A-Fa-f]{1,6});          # character references
    | https?://[^\s<>"'，。）)]+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+    # addresses
    | %\([A-Za-z_]\w*\)[-+\#0]*\d*(?:\.\d+)?[a-zA-Z]             # %(name)s
    | %(?:\d+\$)?[-+\#0']*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|L|q|j|z|t|w)?\+?
      [diouxXeEfFgGaAcCsSpnDETVHK%](?![a-z])                     # %s, %-10.2f, %1$d, gcc's %qD
    | %[<>]                                                      # gcc's quotes
    | %[A-Z][A-Z_]{2,}%?                                         # %PRODUCTNAME
    | %L?\d{1,2}                                                 # %1
    | \$\{[^{}\s]{1,60}\} | \$\([^()\s]{1,60}\) | \$\[[^\[\]\s]{1,60}\] | \$[A-Za-z_]\w*
    | \{\{[^{}]{0,60}\}\} | \{[^{}\s]{0,60}\}                    # {name}
    | \\[nrt"\\]                                                 # escapes that are written out
    | [\n\r\t]
    | (?<![\w-])--[A-Za-z][\w-]+                                 # --option
    | (?<![\w/.])~?(?:/[\w.+-]+){2,}/?                           # /a/path
    | [｟｠]
    """,
    re.VERBOSE,
)
_ACCELERATOR = re.compile(
    r"(?<![\w&_])(?P<mark>[_&])(?P<letter>[A-Za-z0-9])(?!\w{0,8};)"  # _File
    r"|\b[A-Z][a-z]{0,12}(?P<mid>[_&])(?P<inner>[a-z])"  # E_xit
)
_MARKED = re.compile(r"\s*[(（](?P<mark>[_&])[A-Za-z0-9][)）]")
_ENDING = re.compile(r"(?:\.{3}|…|[:：])?\s*$")


@dataclass(frozen=True, slots=True)
class Protected:
    """A text whose sentinels stand for `kept`, in order."""

    text: str
    kept: tuple[str, ...]


def protect(text: str) -> Protected:
    """Return `text` with a sentinel in the place of whatever must survive; more than 16 stay as they are.

    >>> protect("Open <b>%s</b> with {name}").text
    'Open ｟0｠｟1｠｟2｠ with ｟3｠'
    """
    kept: list[str] = []

    def masked(found: re.Match[str]) -> str:
        if len(kept) == MOST_SENTINELS:
            return found[0]
        kept.append(found[0])
        return SENTINELS[len(kept) - 1]

    return Protected(_KEPT.sub(masked, text), tuple(kept))


def protect_pair(source: str, target: str) -> tuple[str, str] | None:
    """Return both sides with the same sentinels for what is the same in them; None where one side has more.

    >>> protect_pair("%s of %d", "%d 个中的 %s")
    ('｟0｠ of ｟1｠', '｟1｠ 个中的 ｟0｠')
    """
    masked = protect(source)
    if len(_KEPT.findall(source)) > MOST_SENTINELS:
        return None
    free: dict[str, list[int]] = {}
    for number, kept in enumerate(masked.kept):
        free.setdefault(kept, []).append(number)
    unknown: list[str] = []

    def sentinel(found: re.Match[str]) -> str:
        numbers = free.get(found[0])
        if not numbers:
            unknown.append(found[0])
            return ""
        return SENTINELS[numbers.pop(0)]

    translated = _KEPT.sub(sentinel, target)
    if unknown or any(free.values()):
        return None
    return masked.text, translated


def restore(translated: str, kept: tuple[str, ...]) -> str:
    """Return the text with `kept` in the place of its sentinels; one that stands for nothing goes.

    >>> restore("｟1｠ 个中的 ｟0｠", ("%s", "%d"))
    '%d 个中的 %s'
    """

    def original(found: re.Match[str]) -> str:
        number = int(found[1])
        return kept[number] if number < len(kept) else ""

    return _SENTINEL.sub(original, translated)


def damage(source: str, translated: str) -> str | None:
    """Return what of `source` did not survive in `translated`, in words, or None.

    >>> damage("Save %s", "保存")
    'lost %s'
    >>> damage("Save", "保存 %s")
    'added %s'
    """
    expected, found = Counter(_KEPT.findall(source)), Counter(_KEPT.findall(translated))
    lost, added = expected - found, found - expected
    parts = [
        f"{word} {', '.join(_shown(kept) for kept in kinds.elements())}"
        for word, kinds in (("lost", lost), ("added", added))
        if kinds
    ]
    return "; ".join(parts) or None


def has_all_sentinels(translated: str, count: int) -> bool:
    """Return whether the sentinels of a text with `count` of them are there, each once."""
    return sorted(int(number) for number in _SENTINEL.findall(translated)) == list(range(count))


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The letter that a menu entry is called by, and its mark: _ (GTK) or & (Qt, Windows)."""

    mark: str
    letter: str


def split_accelerator(text: str) -> tuple[str, Accelerator | None]:
    """Return a menu entry without its accelerator mark, and the accelerator.

    >>> split_accelerator("Save _As...")
    ('Save As...', Accelerator(mark='_', letter='A'))
    >>> [split_accelerator(text)[1] for text in ("snake_case", "_this and _that", "Q&amp;A", "Q&A")]
    [None, None, None, None]
    """
    found = list(_ACCELERATOR.finditer(text))
    if len(found) != 1 or text.count(mark := found[0]["mark"] or found[0]["mid"]) != 1:
        return text, None
    place = text.index(mark)
    return text[:place] + text[place + 1 :], Accelerator(mark, found[0]["letter"] or found[0]["inner"])


def join_accelerator(translated: str, accelerator: Accelerator | None) -> str:
    """Return the entry with its accelerator in brackets, before dots or a colon, as Chinese and Japanese menus have it.

    >>> join_accelerator("另存为...", Accelerator("_", "A"))
    '另存为(_A)...'
    """
    if accelerator is None:
        return translated
    ending = _ENDING.search(translated)
    place = ending.start() if ending else len(translated)
    return f"{translated[:place]}({accelerator.mark}{accelerator.letter.upper()}){translated[place:]}"


def without_accelerators(source: str, target: str) -> tuple[str, str]:
    """Return an entry and its translation without their accelerators, wherever in the words these are marked.

    >>> without_accelerators("Fit wi_dth", "适应宽度(_D)...")
    ('Fit width', '适应宽度...')
    """
    marked = _MARKED.search(target)
    if marked is not None and source.count(marked["mark"]) == 1:
        return source.replace(marked["mark"], ""), _MARKED.sub("", target)
    plain, accelerator = split_accelerator(source)
    return plain, target if accelerator is None else target.replace(accelerator.mark, "", 1)


def _shown(kept: str) -> str:
    return kept.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
