"""The pages themselves: both languages have the same, every block says what is done with it, commands exist."""

import re

import pytest

from guide.blocks import parse_block, with_output
from guide.commands import check_options
from guide.questions import FIRST, question_menu, question_pages
from guide.reference import reference_pages
from guide.site import DOCS, ROOT, page_text, settings, source_pages
from penjing.learn.bank import read_bank

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


def test_both_languages_run_the_same_commands():
    for path in sorted((DOCS / "zh").rglob("*.md")):
        english = DOCS / path.relative_to(DOCS / "zh")
        found = [re.findall(r"^```sh ([a-z]+)", file.read_text(encoding="utf-8"), re.M) for file in (english, path)]
        assert found[0] == found[1], path.name


def test_the_six_come_first_with_a_page_each_and_all_are_on_a_page():
    bank = read_bank()
    for language in ("en", "zh"):
        pages = question_pages(bank, language)
        assert all(f"questions/{one.id}.md" in pages for one in bank[:FIRST])
        assert all(any(f"{{#{one.id}}}" in text for text in pages.values()) for one in bank)
        menu = [path for entry in question_menu(bank, language) for path in entry.values()]
        assert sorted(menu) == sorted(pages)
        for text in pages.values():
            for options, body in re.findall(r"^```sh (.*)\n((?:.*\n)*?)```", text, re.M):
                parse_block(options, body)


def test_the_reference_has_every_command_route_and_value():
    pages = reference_pages()
    assert "## penjing learn check" in pages["reference/cli.md"]
    assert "`--drop-at-most`" in pages["reference/cli.md"]
    assert "## POST /v1/chat/completions" in pages["reference/http.md"]
    assert "`drop_at_most`" in pages["reference/task-file.md"]
    assert "`golden`" in pages["reference/manifest.md"] or "`files`" in pages["reference/manifest.md"]
    assert "::: penjing.search.fit.fit" in pages["reference/python.md"]


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
