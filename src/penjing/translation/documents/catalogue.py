"""gettext catalogues: every entry translated, or marked fuzzy with the reason; accelerators and line ends kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from penjing.data.catalogue import open_catalogue
from penjing.masking import Accelerator, join_accelerator, split_accelerator
from penjing.translation.documents.work import Outcome, Work
from penjing.translation.model import Translation, normal

_BATCH = 512
_PLURALS = {"zh": ("nplurals=1; plural=0;", 1), "ja": ("nplurals=1; plural=0;", 1), "ko": ("nplurals=1; plural=0;", 1)}
_TWO_FORMS = ("nplurals=2; plural=(n != 1);", 2)


def translate_catalogue(path: Path, file: TextIO, work: Work) -> Outcome:
    """Translate the entries that have no translation yet into `file`, a .po; drafts and translations stay as they are.

    An entry of which something did not survive becomes fuzzy, with a comment that says what. Plural forms are those of
    the file's header; where it has none, those of the language.
    """
    catalogue = open_catalogue(path)
    plural, forms = _plural_forms(catalogue, work)
    outcome = Outcome()
    wanted = [entry for entry in catalogue if not entry.obsolete and _is_empty(entry)]
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        for entry, found in zip(batch, _translated(batch, work), strict=True):
            _fill(entry, found, forms)
            outcome.note(found)
        work.progress(start + len(batch))
    code = {"zh-Hans": "zh_CN", "zh-Hant": "zh_TW"}.get(work.wish.pair[1].code, work.wish.pair[1].code)
    catalogue.metadata |= {
        "Language": code,
        "Plural-Forms": plural,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
    }
    catalogue.metadata_is_fuzzy = []
    file.write(str(catalogue) + "\n")
    return outcome


def _translated(entries: Sequence[Any], work: Work) -> list[Translation]:
    """Return what each entry becomes, accelerators in their place; texts in the memory as they are there."""
    sources = [entry.msgid_plural or entry.msgid for entry in entries]
    known = [work.wish.memory.get(normal(source)) for source in sources]
    plain = [split_accelerator(source) for source in sources]
    asked = [text for (text, _), one in zip(plain, known, strict=True) if one is None]
    answers = iter(work.translate_entries(asked))
    return [
        _marked(_with_ends(source, next(answers)), accelerator) if one is None else Translation(one, source, None, None)
        for source, one, (_, accelerator) in zip(sources, known, plain, strict=True)
    ]


def _with_ends(source: str, found: Translation) -> Translation:
    """Return the translation with line ends at its ends where the source has them, which msgfmt wants."""
    if all(source[end : end + 1 or None] == "\n" or found.text[end : end + 1 or None] != "\n" for end in (0, -1)):
        return found
    problem = "; ".join(filter(None, (found.problem, "a line's end moved to an end of the text")))
    return replace(found, text=found.text.strip("\n"), problem=problem)


def _marked(found: Translation, accelerator: Accelerator | None) -> Translation:
    return replace(found, text=join_accelerator(found.text, accelerator))


def _is_empty(entry: Any) -> bool:
    return not entry.msgstr and not any(entry.msgstr_plural.values())


def _plural_forms(catalogue: Any, work: Work) -> tuple[str, int]:
    """Return the Plural-Forms header, and how many there are."""
    stated = str(catalogue.metadata.get("Plural-Forms", ""))
    found = re.search(r"nplurals\s*=\s*([1-6])\s*;\s*plural\s*=", stated)
    return (stated, int(found[1])) if found else _PLURALS.get(work.wish.pair[1].base, _TWO_FORMS)


def _fill(entry: Any, found: Translation, forms: int) -> None:
    if entry.msgid_plural:
        entry.msgstr_plural = dict.fromkeys(range(forms), found.text)
    else:
        entry.msgstr = found.text
    if found.problem is not None:
        entry.flags = [*entry.flags, "fuzzy"]
        note = f"penjing: {found.problem}"
        entry.tcomment = f"{entry.tcomment}\n{note}" if entry.tcomment else note
