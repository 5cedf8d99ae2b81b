"""The report's own sentences, each in English and in Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

from penjing.report.markup import Attribute, Markup, el, escape, join


class Pair(NamedTuple):
    """The same words in both languages."""

    en: Markup
    zh: Markup


class Words:
    """Finds sentences by key and fills their blanks, escaping what goes in."""

    def __init__(self, entries: Mapping[str, tuple[str, str]]) -> None:
        self.entries = dict(entries)

    def pair(self, key: str, /, **values: str | Pair) -> Pair:
        """Return the sentence in both languages.

        >>> Words({"hi": ("Hello {who}", "你好，{who}")}).pair("hi", who="<b>").zh
        '你好，&lt;b&gt;'
        """
        en, zh = self.entries[key]
        return Pair(_filled(en, values, side=0), _filled(zh, values, side=1))

    def __call__(self, key: str, /, **values: str | Pair) -> Markup:
        """Return the sentence as two spans, of which the page shows one."""
        return spans(self.pair(key, **values))


def load_words() -> Words:
    """Return the sentences of strings.toml."""
    text = files("penjing.report").joinpath("strings.toml").read_text(encoding="utf-8")
    return Words(dict(_entries(tomllib.loads(text), prefix="")))


def same(text: str) -> Pair:
    """Return text that is the same in both languages: names, numbers, data."""
    return Pair(escape(text), escape(text))


def joined(pairs: list[Pair], *, en: str, zh: str) -> Pair:
    """Return the pairs in one, with each language's own separator."""
    return Pair(Markup(escape(en).join(p.en for p in pairs)), Markup(escape(zh).join(p.zh for p in pairs)))


def spans(pair: Pair) -> Markup:
    """Return both languages, each marked as such; one span where they are equal."""
    if pair.en == pair.zh:
        return pair.en
    return join(
        el("span", pair.en, class_="en", lang="en"),
        el("span", pair.zh, class_="zh", lang="zh-Hans"),
    )


def svg_text(pair: Pair, **attributes: Attribute) -> Markup:
    """Return SVG text in both languages, of which the page shows one."""
    kind = attributes.pop("class_", "")
    if pair.en == pair.zh:
        return el("text", pair.en, class_=kind or None, **attributes)
    return join(
        el("text", pair.en, class_=f"en {kind}".strip(), lang="en", **attributes),
        el("text", pair.zh, class_=f"zh {kind}".strip(), lang="zh-Hans", **attributes),
    )


def named(tag: str, pair: Pair, **attributes: Attribute) -> Markup:
    """Return an element that holds plain text only (title, desc); the page swaps its language."""
    return el(tag, pair.en, data_zh=pair.zh if pair.zh != pair.en else None, **attributes)


def _filled(template: str, values: Mapping[str, str | Pair], *, side: int) -> Markup:
    chosen = {name: escape(v[side] if isinstance(v, Pair) else v) for name, v in values.items()}
    return Markup(escape(template).format(**chosen))


def _entries(table: Mapping[str, Any], *, prefix: str) -> list[tuple[str, tuple[str, str]]]:
    found = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        if set(value) == {"en", "zh"}:
            found.append((key, (value["en"], value["zh"])))
        else:
            found.extend(_entries(value, prefix=f"{key}."))
    return found
