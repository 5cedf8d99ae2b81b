"""Blocks of commands in pages: what is run, what is refused, and what is shown."""

import shutil
import socket

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


@pytest.mark.parametrize(
    "options",
    ["", "run serve", "run shell=yes", "elsewher=x", "run exit=three", "run exit=", "run lines=0", "elsewhere=",
     "install exit=3", "serve exit=1", 'run "'],
)  # fmt: skip
def test_a_block_that_does_not_say_what_is_done_with_it_is_refused(options):
    with pytest.raises(PageError, match="a block of commands"):
        parse_block(options, "penjing learn list")


@pytest.mark.parametrize(
    "line", ["a | head", "a && b", "a; b", "ls *", "a >> log", "a 2> log", "echo $HOME", "a `b`", 'a "', "a &"]
)
def test_what_only_a_shell_understands_is_refused(line):
    with pytest.raises(PageError):
        commands_of(f"penjing predict B {line}")


def test_signs_in_quotes_are_text():
    assert commands_of("penjing frontier R --pick 'size<5MB & p50>1' > a.txt  # *") == (
        "penjing frontier R --pick 'size<5MB & p50>1' > a.txt",
    )


@pytest.mark.parametrize("block", ["```zsh\na\n```", "~~~sh\na\n~~~", "  ```sh run\n  a\n  ```", "```ruby\na\n```"])
def test_no_block_of_commands_gets_through_unseen(block):
    with pytest.raises(PageError):
        with_output(f"# Title\n\n{block}\n", lambda found: "")


def test_what_is_printed_does_not_end_its_block():
    assert shown("```\n<script>", lines=9).splitlines()[1] == '````text title="prints"'


def test_a_reason_may_have_spaces():
    assert parse_block('elsewhere="needs a hub"', "penjing learn list").reason == "needs a hub"


def test_long_output_is_cut_and_says_so():
    assert "… (7 more lines)" in shown("\n".join("abcdefghij"), lines=3)
    assert shown("", lines=3) == ""


@given(st.lists(st.text(alphabet="ab -='\"#<>|é\\\\中", max_size=20), max_size=5))
def test_any_lines_are_commands_or_an_error_of_quotes(lines):
    try:
        found = commands_of("\n".join(lines))
    except PageError:
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


SERVER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = 200 if self.path in ("/health/ready", "/good") else 500
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"said")

http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_server_is_asked_and_ended_and_its_errors_are_errors(tmp_path, port):
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    place, start = Workplace(tmp_path), f"python server.py --port {port}"
    ask = f"curl --silent http://127.0.0.1:{port}"
    assert "said" in place.answer(Block("serve", (start, f"{ask}/good")))
    with pytest.raises(PageError, match="ended with 22"):
        place.answer(Block("serve", (start, f"{ask}/bad")))


def test_another_server_on_the_port_is_not_taken_for_its_own(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        start = f"python server.py --port {other.getsockname()[1]}"
        with pytest.raises(PageError, match="something else answers"):
            Workplace(tmp_path).answer(Block("serve", (start, "curl http://127.0.0.1/")))


def test_a_server_that_ends_at_once_is_an_error_with_what_it_said(tmp_path, port):
    command = f"python -c \"raise SystemExit('no such thing')\" --port {port}"
    with pytest.raises(PageError, match="no such thing"):
        Workplace(tmp_path).answer(Block("serve", (command,)))


@pytest.mark.parametrize("target", ["../out.txt", "/out.txt"])
def test_files_elsewhere_are_not_written(tmp_path, target):
    with pytest.raises(PageError, match="files of its folder"):
        Workplace(tmp_path).answer(Block("run", (f"python -c 'print(1)' > {target}",)))


def test_commands_do_not_see_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    told = Workplace(tmp_path).answer(Block("run", ('python -c "import os; print(sorted(os.environ.items()))"',)))
    assert "secret" not in told
    assert "C.UTF-8" in told


def test_what_is_said_on_stderr_is_shown_where_the_page_asks_for_it(tmp_path):
    place, commands = Workplace(tmp_path), ("python -c \"import sys; print('out'); print('note', file=sys.stderr)\"",)
    assert "note" not in place.answer(Block("run", commands))
    assert "note" in place.answer(Block("run", commands, stderr=True))


def test_the_same_commands_with_another_end_are_run_again(tmp_path):
    place = Workplace(tmp_path)
    place.answer(Block("run", ("python -c 'pass'",)))
    with pytest.raises(PageError, match="ended with 0, not 3"):
        place.answer(Block("run", ("python -c 'pass'",), exit_code=3))


def test_the_output_names_no_folder_of_this_machine(tmp_path):
    block = Block("run", ('python -c "import os; print(os.getcwd(), os.getcwd() + os.sep + chr(97))"',))
    assert ". a\n" in Workplace(tmp_path).answer(block)
