"""Long texts as segments that a model can read, and back: nothing is lost and nothing comes twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Fits = Callable[[str], bool]

_LINES = re.compile(r"([\r\n\u2028\u2029\x0b\x0c]+)")
_SENTENCE_END = re.compile(r"""(?<=[.!?…])["'”’)\]]*(\s+)(?=\S)|(?<=[。！？；])[”’」』）]*()(?=\S)""")
_WORD_END = re.compile(r"\s+")
_CUT_CHARACTERS = 160  # of what has neither sentences nor spaces
_UNITS = re.compile(r"｟\d+｠|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """A text to translate after a stretch of white space; `new_line` says that this stays as it is."""

    before: str
    text: str
    new_line: bool


def by_line(text: str, *, fits: Fits) -> tuple[list[Segment], str]:
    """Return the segments of a text: its lines, those that do not fit as sentences; and what comes after the last.

    >>> by_line(" One.\\n\\nTwo. Three. ", fits=lambda text: len(text) < 8)
    ([Segment(before=' ', text='One.', new_line=True), Segment(before='\\n\\n', text='Two.', new_line=True), Segment(before=' ', text='Three.', new_line=False)], ' ')
    """  # noqa: E501 (one value)
    found: list[Segment] = []
    before = ""
    for part in _LINES.split(text):
        if not part.strip():
            before += part
            continue
        segments, after = whole(part, fits=fits)
        segments[0] = Segment(before + segments[0].before, segments[0].text, True)
        found += segments
        before = after
    return found, before


def whole(text: str, *, fits: Fits) -> tuple[list[Segment], str]:
    """Return a text as one segment, or its sentences where it does not fit."""
    body = text.strip()
    start = text.index(body) if body else len(text)
    before, after = text[:start], text[start + len(body) :]
    if not body:
        return [], text
    pieces = [(before, body)] if fits(body) else list(_parts(body, before, fits))
    return [Segment(space, part, number == 0) for number, (space, part) in enumerate(pieces)], after


def joined(segments: list[Segment], translations: list[str], after: str, *, joint: str) -> str:
    """Return the translations with the white space of the original; sentences of one line are joined by `joint`."""
    parts = []
    for segment, translation in zip(segments, translations, strict=True):
        parts.append(segment.before if segment.new_line else joint)
        parts.append(translation)
    return "".join(parts) + after


def _parts(text: str, before: str, fits: Fits) -> Iterator[tuple[str, str]]:
    """Yield sentences, put together as long as they fit; longer ones at their words."""
    for split in (_SENTENCE_END, _WORD_END):
        cut = _cut(text, split)
        if len(cut) > 1:
            held_space, held = before, ""
            for space, part in cut:
                if held and not fits(held + space + part):
                    yield from _fitted(held, held_space, fits)
                    held_space, held = space, part
                else:
                    held = held + space + part if held else part
            yield from _fitted(held, held_space, fits)
            return
    held = ""
    for part in _UNITS.findall(text):
        if held and len(held) + len(part) > _CUT_CHARACTERS:
            yield before, held
            before, held = "", ""
        held += part
    yield before, held


def _fitted(text: str, before: str, fits: Fits) -> Iterator[tuple[str, str]]:
    if fits(text) or len(text) <= _CUT_CHARACTERS:
        yield before, text
    else:
        yield from _parts(text, before, fits)


def _cut(text: str, split: re.Pattern[str]) -> list[tuple[str, str]]:
    """Return the parts of `text` between matches, each with the white space before it."""
    found, start, space = [], 0, ""
    for match in split.finditer(text):
        gap = match.group(1) or match.group(2) or "" if match.re.groups else match.group()
        end = match.end() - len(gap)
        found.append((space, text[start:end]))
        start, space = match.end(), gap
    found.append((space, text[start:]))
    return [(gap, part) for gap, part in found if part]
