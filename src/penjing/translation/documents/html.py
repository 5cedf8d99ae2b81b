"""HTML pages: the text of each block translated, its inline tags kept; scripts, styles and code stay as they are."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TextIO

from penjing.errors import DataError
from penjing.translation.documents.work import Outcome, Work

_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "i",
        "ins",
        "kbd",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "var",
        "wbr",
    ]
)
_AS_IS = frozenset(["script", "style", "pre", "code", "kbd", "samp", "textarea", "template", "noscript", "math", "svg"])
_REFERENCE = re.compile(r"&(?!(?:lt|gt|amp|quot|nbsp);)(?:[A-Za-z]+|#\d+|#x[0-9A-Fa-f]+);")
_MOST_BYTES = 16 * 2**20


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


class _Reader(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self.page = Page()
        self._held: list[str] = []
        self._raw: list[str] = []
        self.feed(source)
        self.close()
        self._flush()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text = self.get_starttag_text() or ""
        if tag in _INLINE and not self._raw and tag not in _AS_IS:
            self._held.append(text)
            return
        self._flush()
        self.page.pieces.append(text)
        if tag in _AS_IS and not text.endswith("/>"):
            self._raw.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._markup(self.get_starttag_text() or "", inline=tag in _INLINE)

    def handle_endtag(self, tag: str) -> None:
        if self._raw and tag == self._raw[-1]:
            self._raw.pop()
            self.page.pieces.append(f"</{tag}>")
            return
        self._markup(f"</{tag}>", inline=tag in _INLINE)

    def handle_data(self, data: str) -> None:
        (self.page.pieces if self._raw else self._held).append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self._markup(f"<!--{data}-->", inline=False)

    def handle_decl(self, decl: str) -> None:
        self._markup(f"<!{decl}>", inline=False)

    def handle_pi(self, data: str) -> None:
        self._markup(f"<?{data}>", inline=False)

    def unknown_decl(self, data: str) -> None:
        self._markup(f"<![{data}]>", inline=False)

    def _markup(self, text: str, *, inline: bool) -> None:
        if inline and not self._raw:
            self._held.append(text)
        else:
            self._flush()
            self.page.pieces.append(text)

    def _flush(self) -> None:
        whole = "".join(self._held)
        self._held = []
        if whole.strip():
            self.page.places.append(len(self.page.pieces))
        if whole:
            self.page.pieces.append(whole)


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


def page_texts(source: str) -> Page:
    """Return the page in pieces."""
    return _Reader(source).page


def _one_line(text: str) -> str:
    """Return the text on one line, its references resolved but for those that mark up."""
    return _REFERENCE.sub(lambda found: html.unescape(found[0]), " ".join(text.split()))
