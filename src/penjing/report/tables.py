"""Tables: captions and headers for screen readers, values to sort by, a frame that scrolls by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penjing.report.markup import Attribute, Child, Markup, el
from penjing.report.words import Pair, spans


@dataclass(frozen=True)
class Column:
    """A column's head: a `number` column is set to the right and sorts by value, a `drawn` one hides it."""

    name: Pair
    kind: Literal["text", "number", "drawn"] = "text"


def number(shown: Child, value: float | None = None) -> Markup:
    """Return a cell with a number, which sorts by `value`."""
    return el("td", shown, class_="number", data_value=value)


def cell(*shown: Child, **attributes: Attribute) -> Markup:
    """Return a cell with text."""
    return el("td", *shown, **attributes)


def row(head: Child, *cells: Markup, **attributes: Attribute) -> Markup:
    """Return a row whose first cell names it."""
    return el("tr", el("th", head, scope="row"), *cells, **attributes)


def table(columns: list[Column], rows: list[Markup], *, caption: Pair, kind: str = "", sortable: str = "") -> Markup:
    """Return a table in a frame; `sortable` gives the page's script leave to sort it."""
    heads = [_head(column) for column in columns]
    body = el(
        "table",
        el("caption", spans(caption)),
        el("thead", el("tr", heads)),
        el("tbody", rows),
        class_=f"{kind} {sortable}".strip() or None,
    )
    return framed(body, caption=caption)


def _head(column: Column) -> Markup:
    name = spans(column.name)
    shown = el("span", name, class_="unseen") if column.kind == "drawn" else name
    return el("th", shown, scope="col", class_=None if column.kind == "text" else column.kind)


def framed(body: Markup, *, caption: Pair) -> Markup:
    """Return wide content in a frame that keyboards can scroll."""
    return el(
        "div",
        body,
        class_="frame",
        role="region",
        tabindex=0,
        aria_label=caption.en,
        data_zh_label=caption.zh,
    )


def definitions(rows: list[tuple[Markup, Child]]) -> Markup:
    """Return a list of terms and what they are."""
    return el("dl", [[el("dt", term), el("dd", meaning)] for term, meaning in rows], class_="facts")


def folded(summary: Markup, *body: Child) -> Markup:
    """Return what is there for those who look for it."""
    return el("details", el("summary", summary), *body)
