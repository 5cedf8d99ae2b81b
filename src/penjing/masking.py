"""What must survive a translation as it is: tags, format directives, escapes, addresses; and accelerators.

Each is masked by a sentinel, ｟0｠ for the first, that models learn to copy; afterwards each must be there again, once.
The directives are those of gettext's manual, "Preparing Translatable Strings" (c-format, python-format, qt-format,
kde-format and others).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

MOST_SENTINELS = 16
SENTINELS = tuple(f"｟{number}｠" for number in range(MOST_SENTINELS))
SENTINEL = re.compile(r"｟(\d{1,5})｠")
Within = Literal["text", "lines"]
"""text: line ends are masked too; lines: they end a line, and stay for whoever cuts the text there."""

_INSIDE_A_LINE = r"""
      <(?P<code>code|kbd|samp|var)\b[^<>]{0,100}>[^<>]{0,200}</(?P=code)>   # what is typed, with its tags
    | </?[A-Za-z][^<>]{0,300}>                                   # tags
    | &(?:[A-Za-z]{2,8}|\#\d{1,6}|\#x[0-9A-Fa-f]{1,6});          # character references
    | https?://[^\s<>"'，。）)\u3000-\u9fff\uff00-\uffef]+       # addresses
    | (?<![A-Za-z0-9.+-])[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,64}(?:\.[A-Za-z0-9-]{1,64})+
    | %\([A-Za-z_][A-Za-z0-9_]{0,60}\)[-+\#0]*\d*(?:\.\d+)?[a-zA-Z]   # %(name)s
    | %(?:\d+\$)?[-+\#0']*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|L|q|j|z|t|w)?\+?
      [diouxXeEfFgGaAcCsSpnDETVHK%](?![a-z])                     # %s, %-10.2f, %1$d, gcc's %qD
    | %[<>]                                                      # gcc's quotes
    | %[A-Z][A-Z_]{2,}%?                                         # %PRODUCTNAME
    | %L?\d{1,2}                                                 # %1
    | \$\{[^{}\s]{1,60}\} | \$\([^()\s]{1,60}\) | \$\[[^\[\]\s]{1,60}\] | \$[A-Za-z_][A-Za-z0-9_]*
    | \{\{[^{}]{0,60}\}\} | \{[^{}\s]{0,60}\}                    # {name}
    | \\[nrt"\\]                                                 # escapes that are written out
    | (?<![A-Za-z0-9-])--[A-Za-z][A-Za-z0-9-]+                   # --option
    | (?<![A-Za-z0-9/._-])~?(?:/[A-Za-z0-9._+-]+){2,}/?          # /a/path
    | [｟｠]
"""
_KEPT = {
    "lines": re.compile(_INSIDE_A_LINE, re.VERBOSE),
    "text": re.compile(_INSIDE_A_LINE + r"| [\n\r\t]", re.VERBOSE),
}
_ACCELERATOR = re.compile(
    r"(?<![A-Za-z0-9&_])(?P<mark>[_&])(?P<letter>[A-Za-z0-9])(?![A-Za-z0-9]{0,8}[;_])"  # _File
    r"|(?<![A-Za-z0-9_])[A-Z][a-z]{0,12}(?P<mid>[_&])(?P<inner>[a-z])(?![A-Za-z0-9]*_)"  # E_xit
)
_WORDS_OF_AN_ENTRY = 3  # at the most, where a mark is inside a word: in sentences it is part of a name
_MARKED = re.compile(r" ?[(（](?P<mark>[_&])[A-Za-z0-9][)）]")
_ENDING = re.compile(r"(?:\.{3}|…|[:：])?\s*$")


@dataclass(frozen=True, slots=True)
class Protected:
    """A text whose sentinels stand for `kept`, by their numbers."""

    text: str
    kept: tuple[str, ...]


def protect(text: str, *, within: Within = "text") -> Protected:
    """Return `text` with a sentinel in the place of whatever must survive.

    >>> protect("Open <b>%s</b> with {name}").text
    'Open ｟0｠｟1｠｟2｠ with ｟3｠'
    """
    kept: list[str] = []

    def masked(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"｟{len(kept) - 1}｠"

    return Protected(_KEPT[within].sub(masked, text), tuple(kept))


def renumbered(masked: str, kept: tuple[str, ...]) -> Protected:
    """Return a part of a masked text with its own first 16 sentinels, the others being what they stand for again.

    >>> renumbered("｟7｠ and ｟2｠", tuple("abcdefgh"))
    Protected(text='｟0｠ and ｟1｠', kept=('h', 'c'))
    """
    own: list[str] = []

    def local(found: re.Match[str]) -> str:
        original = kept[int(found[1])]
        if len(own) == MOST_SENTINELS:
            return original
        own.append(original)
        return SENTINELS[len(own) - 1]

    return Protected(SENTINEL.sub(local, masked), tuple(own))


def protect_pair(source: str, target: str) -> tuple[str, str] | None:
    """Return both sides with the same sentinels for what is the same in them; None where one side has more.

    >>> protect_pair("%s of %d", "%d 个中的 %s")
    ('｟0｠ of ｟1｠', '｟1｠ 个中的 ｟0｠')
    """
    masked = protect(source)
    if len(masked.kept) > MOST_SENTINELS:
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

    translated = _KEPT["text"].sub(sentinel, target)
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

    return SENTINEL.sub(original, translated)


def damage(masked: Protected, translated: str) -> str | None:
    """Return what of a masked text did not survive in its masked translation, in words, or None.

    >>> damage(protect("Save %s"), "保存"), damage(protect("Save %s"), "保存 ｟0｠")
    ('lost %s', None)
    >>> damage(protect("Save"), "保存 %s"), damage(protect("Open <b>this</b>"), "打开这个｟0｠ ｟1｠")
    ('added %s', 'emptied <b>')
    """
    numbers = Counter(int(number) for number in SENTINEL.findall(translated))
    lost = [kept for number, kept in enumerate(masked.kept) if not numbers[number]]
    repeated = [kept for number, kept in enumerate(masked.kept) if numbers[number] > 1]
    loose, found = (Counter(protect(SENTINEL.sub("", text)).kept) for text in (masked.text, translated))
    lost += (loose - found).elements()
    parts = [
        ("lost", lost), ("repeated", repeated), ("added", list((found - loose).elements())),
        ("emptied", _emptied(masked, translated)),
    ]  # fmt: skip
    return "; ".join(f"{word} {_shown(kinds)}" for word, kinds in parts if kinds) or None


def _emptied(masked: Protected, translated: str) -> list[str]:
    """Return the tags that had words between them and their ends, and have none in the translation."""
    before, after = _between(masked.text), _between(translated)
    return [
        masked.kept[one]
        for (one, other), words in sorted(before.items())
        if words and masked.kept[other].startswith("</") and after.get((one, other)) == ""
    ]


def _between(text: str) -> dict[tuple[int, int], str]:
    """Return what stands between each sentinel and the next one, without the white space around it."""
    parts = SENTINEL.split(text)
    numbers = list(map(int, parts[1::2]))
    return {both: words.strip() for both, words in zip(pairwise(numbers), parts[2::2], strict=False)}


def has_all_sentinels(translated: str, count: int) -> bool:
    """Return whether the sentinels of a text with `count` of them are there, each once."""
    return sorted(int(number) for number in SENTINEL.findall(translated)) == list(range(count))


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The letter that a menu entry is called by, and its mark: _ (GTK) or & (Qt, Windows)."""

    mark: str
    letter: str


def split_accelerator(text: str) -> tuple[str, Accelerator | None]:
    """Return a menu entry without its accelerator mark, and the accelerator; what must survive has none.

    >>> split_accelerator("Save _As...")
    ('Save As...', Accelerator(mark='_', letter='A'))
    >>> others = ("snake_case", "_this and _that", "Q&amp;A", "Q&A", "{_count} files", '<a target="_blank">Go</a>')
    >>> [split_accelerator(text)[1] for text in others]
    [None, None, None, None, None, None]
    """
    masked = protect(text)
    found = list(_ACCELERATOR.finditer(masked.text))
    if len(found) != 1:
        return text, None
    mark = found[0]["mark"] or found[0]["mid"]
    if masked.text.count(mark) != 1 or (found[0]["mid"] and len(text.split()) > _WORDS_OF_AN_ENTRY):
        return text, None
    plain = masked.text.replace(mark, "")
    return restore(plain, masked.kept), Accelerator(mark, found[0]["letter"] or found[0]["inner"])


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


def _shown(kept: Iterable[str]) -> str:
    return ", ".join(one.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") for one in kept)
