"""HTML and SVG by construction: text is escaped unless it is already Markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

Child: TypeAlias = "str | Iterable[Child] | None"
Attribute: TypeAlias = "str | float | bool | None"

_VOID = frozenset({"br", "hr", "input", "meta", "wbr"})
_PARTS = re.compile(r"[^_/.]*[_/.]|[^_/.]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already. Only this module and our own templates make it."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """Return `text` so that a browser shows it and never obeys it; Markup stays as it is.

    >>> escape("</script>"), escape(Markup("<b>"))
    ('&lt;/script&gt;', '<b>')
    """
    if isinstance(text, Markup):
        return text
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return Markup(html.escape(_CONTROL.sub("\ufffd", encodable), quote=True))


def join(*children: Child) -> Markup:
    """Return the children one after the other, text escaped.

    >>> join("a < b", [Markup("<br>"), None])
    'a &lt; b<br>'
    """
    return Markup("".join(_flat(children)))


def el(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element; `class_` is class, `aria_label` is aria-label, None and False are left out.

    >>> el("td", "<1", class_="n", data_value=0.5)
    '<td class="n" data-value="0.5">&lt;1</td>'
    """
    opening = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{opening}>")
    return Markup(f"<{tag}{opening}>{join(*children)}</{tag}>")


def data(text: str) -> Markup:
    """Return text from the user's data, kept apart from the direction of the text around it."""
    return el("bdi", text)


def label(text: str) -> Markup:
    """Return a label from the data, which may be broken after an underscore, slash or dot.

    >>> label("card_arrival")
    '<bdi>card_<wbr>arrival</bdi>'
    """
    return el("bdi", [[part, el("wbr") if part[-1:] in {"_", "/", "."} else None] for part in _PARTS.findall(text)])


def _flat(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if isinstance(child, str):
            yield escape(child)
        elif child is not None:
            yield from _flat(child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.8g}" if isinstance(value, float) else str(value)
    return f' {name}="{escape(value if isinstance(value, str) else text)}"'
