"""gettext catalogues: every entry translated, or marked fuzzy with the reason; accelerators and line ends kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from penjing.data.catalogue import open_catalogue
from penjing.masking import join_accelerator, split_accelerator
from penjing.translation.documents.work import Outcome, Work
from penjing.translation.model import Translation

_BATCH = 512
_PLURALS = {"zh": ("nplurals=1; plural=0;", 1), "ja": ("nplurals=1; plural=0;", 1), "ko": ("nplurals=1; plural=0;", 1)}
_TWO_FORMS = ("nplurals=2; plural=(n != 1);", 2)


def translate_catalogue(path: Path, file: TextIO, work: Work) -> Outcome:
    """Translate the entries that have no translation yet into `file`, a .po; those that have one stay as they are.

    An entry of which something did not survive becomes fuzzy, with a comment that says what.
    """
    catalogue = open_catalogue(path)
    plural, forms = _PLURALS.get(work.wish.pair[1].base, _TWO_FORMS)
    outcome = Outcome()
    wanted = [entry for entry in catalogue if not entry.obsolete and not entry.translated()]
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        plain = [split_accelerator(entry.msgid_plural or entry.msgid) for entry in batch]
        found = work.translate_entries([text for text, _ in plain])
        for entry, (_, accelerator), one in zip(batch, plain, found, strict=True):
            _fill(entry, join_accelerator(_same_ends(entry.msgid, one.text), accelerator), one, forms)
            outcome.note(one)
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


def _fill(entry: Any, translated: str, found: Translation, forms: int) -> None:
    if entry.msgid_plural:
        entry.msgstr_plural = dict.fromkeys(range(forms), translated)
    else:
        entry.msgstr = translated
    if found.problem is not None:
        entry.flags = [*entry.flags, "fuzzy"]
        note = f"penjing: {found.problem}"
        entry.tcomment = f"{entry.tcomment}\n{note}" if entry.tcomment else note


def _same_ends(source: str, translated: str) -> str:
    """Return the translation beginning and ending with a line's end where the source does, as msgfmt wants it."""
    body = translated.strip("\n")
    return ("\n" if source.startswith("\n") else "") + body + ("\n" if source.endswith("\n") else "")
