"""Reads a report back as a strict parser sees it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "input", "meta", "wbr"})


class Page(HTMLParser):
    """Collects elements, attributes and text; an unbalanced tag is an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    def attributes(self, name: str) -> list[str]:
        return [value for _, attrs in self.elements if (value := attrs.get(name)) is not None]

    def ids(self) -> list[str]:
        return self.attributes("id")

    def all_text(self) -> str:
        return " ".join(self.text)
