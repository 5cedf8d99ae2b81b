"""Build the site: python -m guide.build [--work FOLDER] [--output FOLDER].

Pages are gathered, their commands are run in one folder (see blocks.py), what they print is put under them, and MkDocs
makes a site for each language. A dead link, a command that fails or is not there, and a block that says nothing of
whether it is run end the build with exit code 1.
"""

from __future__ import annotations

import argparse
import io
import logging
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from guide.blocks import PageError, with_output
from guide.commands import Workplace
from guide.questions import question_menu, question_pages
from guide.reference import reference_pages
from guide.site import ROOT, page_text, settings, source_pages
from penjing.learn.bank import Language, read_bank

_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_GIVEN = Path(__file__).parent / "work"
_STYLE = Path(__file__).parent / "guide.css"


def main() -> int:
    """Build both sites."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "guide", help="where commands run")
    parser.add_argument(
        "--runs", type=Path, default=ROOT / "runs", help="runs of the examples: what is there is not run again"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site", help="the site")
    parser.add_argument("--only", nargs="*", default=(), help="a draft: commands of these pages alone are run")
    asked = parser.parse_args()
    try:
        place = prepare(asked.work / "place", runs=asked.runs)
        for language in _LANGUAGES:
            source = asked.work / language
            write_pages(language, place, source, only=frozenset(asked.only))
            output = asked.output if language == "en" else asked.output / language
            make_site(settings(language, source=source, output=output, questions=question_menu(read_bank(), language)))
    except PageError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{asked.output}/index.html\n")
    return 0


def prepare(folder: Path, *, runs: Path) -> Workplace:
    """Return a folder with the examples, the guide's small files, and the runs that were made before."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_GIVEN, folder)
    runs.mkdir(parents=True, exist_ok=True)
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "runs").symlink_to(runs.resolve())
    return Workplace(folder)


def write_pages(language: Language, place: Workplace, target: Path, *, only: frozenset[str]) -> None:
    """Write every page of a language with what its commands print.

    Raises:
        PageError: some cannot be written; all of them are named.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copyfile(_STYLE, target / "guide.css")
    pages = {
        name: page_text(path, place=name, language=language, site=target)
        for name, path in source_pages(language).items()
    }
    pages |= question_pages(read_bank(), language) | reference_pages()
    if unknown := sorted(only - pages.keys()):
        raise PageError(f"there is no page {', '.join(unknown)}; pages are {', '.join(sorted(pages))}")
    wrong = []
    for name, text in pages.items():
        run = partial(place.answer, title="prints" if language == "en" else "输出")
        answer = run if not only or name in only else lambda block: ""
        try:
            found = with_output(text, answer)
        except PageError as error:
            wrong.append(f"{language}, {name}: {error}")
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(found, encoding="utf-8")
    if wrong:
        raise PageError("\n\n".join(wrong))


class _Warnings(logging.Handler):
    """Keeps what MkDocs warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.found.append(record.getMessage())


def make_site(told: dict[str, Any]) -> None:
    """Make a site; its warnings are errors.

    Raises:
        PageError: MkDocs warned of something, such as a dead link.
    """
    warned = _Warnings()
    logger = logging.getLogger("mkdocs")
    logger.addHandler(warned)
    try:
        build(load_config(config_file=io.BytesIO(b"{}"), **told))
    except Abort as error:
        raise PageError("\n".join([*warned.found, str(error)])) from error
    finally:
        logger.removeHandler(warned)


if __name__ == "__main__":
    sys.exit(main())
