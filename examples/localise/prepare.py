"""Software in English and Chinese: pairs from the manuals and catalogues that Debian packages carry.

    python -m examples.localise.prepare OUTPUT [--small] [--downloads FOLDER]

Packages are fetched by `apt-get download` and unpacked by `dpkg -x`: nothing is installed. OUTPUT gets train.csv,
dev.csv and test.csv (source, target, package), no package being in two of them, and evolution.po, a catalogue held
out whole. Each package's texts are under its own licence (docs: see debian/copyright in each); none is kept here.
"""

from __future__ import annotations

import argparse
import csv
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from examples.debian_packages import fetch
from penjing.data.catalogue import open_catalogue, read_catalogue

CATALOGUES = {
    "train": (
        "libreoffice-l10n-zh-cn", "gcc-12-locales", "digikam-data", "inkscape", "gimp-data", "gnucash-common",
        "krita-l10n", "aptitude-common",
    ),
    "dev": ("audacity-data", "kdevelop-l10n"),
    "test": ("evolution-common",),
}  # fmt: skip
MANUALS = {
    "train": ("libreoffice-help", "debian-reference", "debian-handbook"),
    "test": ("debian-faq",),
}
SMALL = {"libreoffice-l10n-zh-cn", "libreoffice-help", "audacity-data", "debian-faq", "kdevelop-l10n", "gcc-12-locales"}
_PACKAGES = {
    "libreoffice-help": ("libreoffice-help-en-us", "libreoffice-help-zh-cn"),
    "debian-reference": ("debian-reference-en", "debian-reference-zh-cn"),
    "debian-handbook": ("debian-handbook",),
    "debian-faq": ("debian-faq", "debian-faq-zh-cn"),
}
_BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "td", "li", "dt", "div"}
_NESTING = {"p", "div", "li", "table", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "dl"}
_C_DIRECTIVE = re.compile(r"%(?:\d+\$)?[-0]?\d*l?[dsiu]")
_SPACE = re.compile(r"\s+")

Row = tuple[str, str, str]
Block = tuple[str, str | None, str]
"""A tag, its id and its text."""


class _Reader(HTMLParser):
    """Collects the innermost blocks of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._open: tuple[str, str | None, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._open = (tag, dict(attrs).get("id"), [])
        elif tag in _NESTING:
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open[2].append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open is not None and tag == self._open[0]:
            name, identity, parts = self._open
            self.blocks.append((name, identity, _SPACE.sub(" ", "".join(parts)).strip()))
            self._open = None


def blocks(page: Path) -> list[Block]:
    """Return the innermost blocks of an HTML page."""
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8", errors="replace"))
    return reader.blocks


def aligned(english: Path, chinese: Path) -> Iterator[tuple[str, str]]:
    """Yield the blocks of two pages that have the same id; or all, where both have the same tags in order."""
    one, other = blocks(english), blocks(chinese)
    by_id = [{identity: text for _, identity, text in side if identity} for side in (one, other)]
    common = by_id[0].keys() & by_id[1].keys()
    if len(common) > 3:
        pairs = [(by_id[0][identity], by_id[1][identity]) for identity in sorted(common)]
    elif [tag for tag, _, _ in one] == [tag for tag, _, _ in other]:
        pairs = [(first[2], second[2]) for first, second in zip(one, other, strict=True)]
    else:
        pairs = []
    yield from ((first, second) for first, second in pairs if len(first.split()) >= 3 and len(first) >= len(second))


def pages(manual: str, downloads: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the pages of a manual in both languages."""
    roots = [downloads / name for name in _PACKAGES[manual]]
    if manual == "libreoffice-help":
        english, chinese = (
            root / "usr/share/libreoffice/help" / code for root, code in zip(roots, ("en-US", "zh-CN"), strict=True)
        )
        found = [(english / page.relative_to(chinese), page) for page in sorted(chinese.rglob("*.html"))]
    elif manual == "debian-handbook":
        chinese = roots[0] / "usr/share/doc/debian-handbook/html/zh-CN"
        found = [(page.parent.parent / "en-US" / page.name, page) for page in sorted(chinese.glob("*.html"))]
    else:
        english_pages = {page.name: page for page in roots[0].rglob("*.en.html")}
        found = [
            (english_pages.get(page.name.replace(".zh-cn.", ".en."), page), page)
            for page in sorted(roots[1].rglob("*.zh-cn.html"))
        ]
    yield from ((english, chinese) for english, chinese in found if english != chinese and english.is_file())


def rows(split: str, downloads: Path, wanted: set[str] | None) -> Iterator[Row]:
    """Yield source, target and package of a split."""
    for package in CATALOGUES[split]:
        if wanted is None or package in wanted:
            for catalogue in sorted((downloads / package).rglob("*.mo")):
                if "zh_CN" in str(catalogue):
                    yield from ((one, other, package) for one, other in read_catalogue(catalogue))
    for manual in MANUALS.get(split, ()):
        if wanted is None or manual in wanted:
            for english, chinese in pages(manual, downloads):
                yield from ((html.unescape(one), html.unescape(two), manual) for one, two in aligned(english, chinese))


def write_untranslated(catalogue: Path, target: Path) -> None:
    """Write a .po with the entries of a .mo, none of them translated; those with C's directives are flagged as such."""
    found = open_catalogue(catalogue)
    found.save_as_pofile(str(target))
    empty = open_catalogue(target)
    for entry in empty:
        entry.msgstr, entry.msgstr_plural = "", dict.fromkeys(entry.msgstr_plural, "")
        if _C_DIRECTIVE.search(entry.msgid):
            entry.flags.append("c-format")
    empty.save(str(target))


def main() -> None:
    """Write the three splits and the held-out catalogue."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--small", action="store_true", help="fewer packages: 12 MB to download instead of 115")
    parser.add_argument("--downloads", type=Path, default=Path("runs/downloads/debian"))
    asked = parser.parse_args()
    wanted = SMALL | {"evolution-common"} if asked.small else None
    names = [name for group in CATALOGUES.values() for name in group if wanted is None or name in wanted]
    for group in MANUALS.values():
        names += [package for manual in group if wanted is None or manual in wanted for package in _PACKAGES[manual]]
    fetch(names, asked.downloads)
    asked.output.mkdir(parents=True, exist_ok=True)
    for split in CATALOGUES:
        found = list(dict.fromkeys(rows(split, asked.downloads, wanted)))
        with (asked.output / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("source", "target", "package"))
            writer.writerows(found)
        print(f"{split}: {len(found):,} pairs", flush=True)
    held_out = next((asked.downloads / "evolution-common").rglob("zh_CN/LC_MESSAGES/evolution.mo"))
    write_untranslated(held_out, asked.output / "evolution.po")


if __name__ == "__main__":
    main()
