"""HTML pages: the text of each block translated, its inline tags kept; scripts, styles and code stay as they are.

What is not translated is copied from the source, character by character.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal, TextIO

from penjing.errors import DataError
from penjing.translation.documents.work import Outcome, Work

_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s",
    "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
})  # fmt: skip
_AS_IS = frozenset({"script", "style", "pre", "textarea", "template", "noscript", "math", "svg"})
_REFERENCE = re.compile(r"&(?:[A-Za-z]{2,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_MARKING = frozenset('<>&"\xa0')
_MOST_BYTES = 16 * 2**20
_MOST_OPEN = 200  # signs < without their >: the parser takes the square of their number

Kind = Literal["text", "inline", "start", "end", "other"]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    tag: str
    start: int


@dataclass
class Page:
    """A page as pieces of markup and of text."""

    pieces: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Of what is to be translated, in `pieces`."""

    @property
    def texts(self) -> list[str]:
        """What is to be translated, each on one line."""
        return [_one_line(self.pieces[place]) for place in self.places]

    def filled(self, translations: Sequence[str]) -> str:
        """Return the page with `translations` in the place of its texts."""
        pieces = list(self.pieces)
        for place, text in zip(self.places, translations, strict=True):
            original = pieces[place]
            lead = original[: len(original) - len(original.lstrip())]
            pieces[place] = lead + text.strip() + original[len(original.rstrip()) :]
        return "".join(pieces)


class _Tokens(HTMLParser):
    """Notes where each token of a page begins, and what it is."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[_Token] = []
        self._lines = [0, *(match.end() for match in re.finditer("\n", source))]
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note("inline" if tag in _INLINE else "start", tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note("inline" if tag in _INLINE else "other", tag)

    def handle_endtag(self, tag: str) -> None:
        self._note("inline" if tag in _INLINE else "end", tag)

    def handle_data(self, data: str) -> None:
        self._note("text")

    def handle_entityref(self, name: str) -> None:
        self._note("text")

    def handle_charref(self, name: str) -> None:
        self._note("text")

    def handle_comment(self, data: str) -> None:
        self._note("other")

    def handle_decl(self, decl: str) -> None:
        self._note("other")

    def handle_pi(self, data: str) -> None:
        self._note("other")

    def unknown_decl(self, data: str) -> None:
        self._note("other")

    def _note(self, kind: Kind, tag: str = "") -> None:
        line, column = self.getpos()
        self.found.append(_Token(kind, tag, self._lines[line - 1] + column))


def page_texts(source: str) -> Page:
    """Return the page in pieces.

    Raises:
        DataError: it is too broken to be read.
    """
    if source.count("<") - source.count(">") > _MOST_OPEN:
        raise DataError("the page is broken", value=f"{source.count('<')} signs <", rule="as many >")
    try:
        tokens = _Tokens(source).found
    except AssertionError as error:  # what the parser makes of some declarations
        raise DataError("the page is broken", value=str(error)) from None
    page = Page()
    as_is: list[str] = []  # the tags inside which nothing is translated, the outermost first
    starts = [token.start for token in tokens] or [len(source)]
    held, ends = source[: starts[0]], [*starts[1:], len(source)]
    for token, end in zip(tokens, ends, strict=False):
        raw = source[token.start : end]
        if as_is:
            page.pieces.append(raw)
            if token.kind == "end" and token.tag in as_is:
                del as_is[as_is.index(token.tag) :]
            continue
        if token.kind in {"text", "inline"}:
            held += raw
            continue
        held = _flush(page, held)
        page.pieces.append(raw)
        if token.kind == "start" and token.tag in _AS_IS:
            as_is.append(token.tag)
    _flush(page, held)
    return page


def _flush(page: Page, held: str) -> str:
    """Put what was held into the page; it is to be translated where there is more than white space. Return nothing."""
    if held.strip():
        page.places.append(len(page.pieces))
    if held:
        page.pieces.append(held)
    return ""


def translate_html(path: Path, file: TextIO, work: Work) -> Outcome:
    """Translate a page into `file`; character references that are letters or signs are written as such."""
    if path.stat().st_size > _MOST_BYTES:
        raise DataError("the page is too large", value=str(path), rule="at most 16 MiB")
    try:
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the page is not UTF-8", value=f"{path}: byte {error.start}", rule="UTF-8") from None
    page = page_texts(source)
    outcome, translations = Outcome(), []
    for found in work.stream(page.texts):
        outcome.note(found)
        translations.append(found.text)
    file.write(page.filled(translations))
    return outcome


def _one_line(text: str) -> str:
    """Return the text on one line, its references resolved but for what would be markup."""
    return _REFERENCE.sub(_resolved, " ".join(text.split()))


def _resolved(found: re.Match[str]) -> str:
    character = html.unescape(found[0])
    return found[0] if _MARKING & set(character) else character
