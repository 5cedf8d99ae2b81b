"""Blocks of commands in pages: what is run, what is refused, and what is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.blocks import Block, PageError, commands_of, parse_block, shown, with_output
from guide.commands import Workplace, check_options, redirected

PAGE = "# Title\n\n```sh run\npenjing learn list  # all\n```\n\n```python\nprint(1)\n```\n"


def test_output_stands_under_the_block_and_other_languages_are_left_alone():
    found = with_output(PAGE, lambda block: shown(f"{block.commands}", lines=3))
    assert "```sh\npenjing learn list  # all\n```\n\n```text title=\"prints\"\n('penjing learn list',)\n```" in found
    assert "```python\nprint(1)\n```" in found


@pytest.mark.parametrize("options", ["", "run serve", "run shell=yes", "elsewher=x"])
def test_a_block_that_does_not_say_what_is_done_with_it_is_refused(options):
    with pytest.raises(PageError, match="says what is done"):
        parse_block(options, "penjing learn list")


def test_a_reason_may_have_spaces():
    assert parse_block('elsewhere="needs a hub"', "penjing learn list").reason == "needs a hub"


def test_long_output_is_cut_and_says_so():
    assert "… (7 more lines)" in shown("\n".join("abcdefghij"), lines=3)
    assert shown("", lines=3) == ""


@given(st.lists(st.text(alphabet="ab -='\"#<>|é\\\\中", max_size=20), max_size=5))
def test_any_lines_are_commands_or_an_error_of_quotes(lines):
    try:
        found = commands_of("\n".join(lines))
    except ValueError:
        return
    assert all(found)


def test_files_are_taken_off_a_command():
    assert redirected(["penjing", "x", "<", "in.txt", ">", "out.txt"]) == (["penjing", "x"], "in.txt", "out.txt")


@pytest.mark.parametrize(
    "command", ["penjing learn shew x", "penjing plan --taks x", "penjing fit", "penjing predict B --pciture x"]
)
def test_a_command_that_is_not_there_is_named(command):
    with pytest.raises(PageError, match="not there"):
        check_options(command)


def test_commands_are_run_once_and_their_exit_code_is_checked(tmp_path):
    place = Workplace(tmp_path)
    block = Block("run", ("python -c \"print(open('n.txt', 'a').write('x'))\"",))
    assert place.answer(block) == place.answer(block)
    assert (tmp_path / "n.txt").read_text(encoding="utf-8") == "x"
    with pytest.raises(PageError, match="ended with 3, not 0"):
        place.answer(Block("run", ('python -c "raise SystemExit(3)"',)))
    assert place.answer(Block("run", ('python -c "raise SystemExit(3)"',), exit_code=3)) == ""
    place.answer(Block("run", ("python -c \"print('kept')\" > kept.txt",)))
    assert (tmp_path / "kept.txt").read_text(encoding="utf-8") == "kept\n"


def test_a_page_runs_no_other_program(tmp_path):
    with pytest.raises(PageError, match="a page runs"):
        Workplace(tmp_path).answer(Block("run", ("rm -rf everything",)))


def test_what_is_not_run_has_its_options_checked_and_says_why(tmp_path):
    place = Workplace(tmp_path)
    assert "needs a hub" in place.answer(Block("elsewhere", ("penjing learn list",), reason="needs a hub"))
    with pytest.raises(PageError, match="not there"):
        place.answer(Block("elsewhere", ("penjing nothing",)))


def test_the_output_names_no_folder_of_this_machine(tmp_path):
    block = Block("run", ('python -c "import os; print(os.getcwd() + os.sep + chr(97))"',))
    assert str(tmp_path) not in Workplace(tmp_path).answer(block)
