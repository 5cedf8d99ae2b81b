"""The pages themselves: both languages have the same, every block says what is done with it, commands exist."""

import re
import shlex

import pytest

import penjing
from guide.blocks import with_output
from guide.commands import check_options
from guide.questions import FIRST, question_menu, question_pages
from guide.reference import attribute_docs, reference_pages
from guide.site import DOCS, ROOT, page_text, settings, source_pages
from penjing.bundle.manifest import Manifest
from penjing.cli.main import COMMANDS
from penjing.learn.bank import read_bank
from penjing.recipe import Recipe
from penjing.serve.app import create_app
from penjing.serve.life import Life
from penjing.serve.metrics import Metrics
from penjing.serve.services import Services
from penjing.serve.settings import Limits
from penjing.spec import Bar, Budget, DataSpec, Task

ENGLISH_ONLY = {"benchmarks.md", "log.md"}


def test_every_page_is_there_in_both_languages():
    english = {name for name in source_pages("en") if not name.startswith("decisions/")} - ENGLISH_ONLY
    chinese = {path.relative_to(DOCS / "zh").as_posix() for path in (DOCS / "zh").rglob("*.md")}
    assert english == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_block_says_what_is_done_with_it_and_its_commands_exist(language, tmp_path):
    for name, path in source_pages(language).items():

        def check(block):
            for command in block.commands:
                check_options(command)
            return ""

        with_output(page_text(path, place=name, language=language, site=tmp_path), check)


def blocks_of(path):
    found = []

    def keep(block):
        found.append(block)
        return ""

    with_output(path.read_text(encoding="utf-8"), keep)
    return found


def test_both_languages_run_the_same_commands():
    for path in sorted((DOCS / "zh").rglob("*.md")):
        english, chinese = blocks_of(DOCS / path.relative_to(DOCS / "zh")), blocks_of(path)
        assert [(one.way, one.exit_code) for one in english] == [(one.way, one.exit_code) for one in chinese], path.name
        if path.name != "learn.md":  # asks in its own language
            assert [one.commands for one in english] == [one.commands for one in chinese], path.name


def test_the_six_come_first_with_a_page_each_and_all_are_on_a_page():
    bank = read_bank()
    for language in ("en", "zh"):
        pages = question_pages(bank, language)
        assert all(f"questions/{one.id}.md" in pages for one in bank[:FIRST])
        assert all(any(f"{{#{one.id}}}" in text for text in pages.values()) for one in bank)
        menu = [path for entry in question_menu(bank, language) for path in entry.values()]
        assert sorted(menu) == sorted(pages)
        run = []
        for text in pages.values():
            with_output(text, lambda block, run=run: run.extend(block.commands) or "")
        assert run
        for command in run:
            check_options(command)
        assert {shlex.join(shlex.split(one.command)) for one in bank} == set(run)


def test_the_reference_has_every_command_route_and_value():
    pages = reference_pages()
    for command in COMMANDS:
        assert f"## penjing {command.__name__.replace('_', '-')}\n" in pages["reference/cli.md"]
    assert "## penjing learn check\n" in pages["reference/cli.md"]
    paths = create_app(Services(Life(), Metrics(), Limits())).openapi()["paths"]
    assert len(paths) > 20
    assert all(f" {path}\n" in pages["reference/http.md"] for path in paths)
    for model in (Task, DataSpec, Bar, Budget, Recipe):
        assert all(f"| `{name}` |" in pages["reference/task-file.md"] for name in model.model_fields)
    assert all(f"| `{name}` |" in pages["reference/manifest.md"] for name in Manifest.model_fields)
    assert all(f"## {name}\n" in pages["reference/python.md"] for name in penjing.__all__)


def test_what_the_source_says_under_a_value_is_its_meaning():
    assert "head" not in attribute_docs(Recipe)
    assert "feed-forward" in attribute_docs(Recipe)["ffn"]
    assert "| `ffn` |" in reference_pages()["reference/task-file.md"]
    row = next(line for line in reference_pages()["reference/task-file.md"].splitlines() if line.startswith("| `ffn` "))
    assert "feed-forward neurons that stay" in row


def test_links_to_other_files_become_copies_and_the_readme_the_first_page(tmp_path):
    text = page_text(DOCS / "zh" / "serve.md", place="serve.md", language="zh", site=tmp_path)
    assert "](files/deploy/Dockerfile)" in text
    assert (tmp_path / "files/deploy/Dockerfile").read_bytes() == (ROOT / "deploy/Dockerfile").read_bytes()
    assert "](../../" not in text
    fused = page_text(DOCS / "fused.md", place="fused.md", language="en", site=tmp_path)
    assert "[texts](index.md)" in fused


def test_every_page_is_in_the_menu(tmp_path):
    told = settings("en", source=tmp_path, output=tmp_path, questions=[])
    listed = set(re.findall(r"[\w/-]+\.md", str(told["nav"])))
    assert set(source_pages("en")) | set(reference_pages()) == listed
