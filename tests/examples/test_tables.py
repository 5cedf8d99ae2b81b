"""The examples that make their data from what a machine has: package lists, and Python's own documentation."""

from examples.docstrings.prepare import docstrings
from examples.packages.prepare import COLUMNS, rows

LISTED = """Package: tanks
Source: tanks-src (1.2)
Installed-Size: 5120
Architecture: amd64
Depends: libc6, libsdl2
Description: Fast-paced arcade game, with "tanks"
Section: games
Size: 100

Package: libtank
Description: a library
Section: libs

Package: odd
Section: sound
Description: player
"""


def test_packages_of_the_sections_become_rows():
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows(LISTED)]
    assert [row["section"] for row in found] == ["games", "sound"]
    assert found[0] == {
        "source": "tanks-src", "section": "games", "description": 'Fast-paced arcade game, with "tanks"',
        "installed": "5120", "download": "100", "depends": "2", "architecture": "amd64",
    }  # fmt: skip
    assert (found[1]["source"], found[1]["installed"], found[1]["depends"]) == ("odd", "", "0")


def test_docstrings_are_read_once_and_nothing_is_imported(tmp_path):
    long = "A paragraph. " * 30
    (tmp_path / "one.py").write_text(
        f'"""{long}"""\nraise SystemExit\n\nasync def f():\n    """{long}again"""\n\ndef g():\n    """short"""\n',
        encoding="utf-8",
    )
    (tmp_path / "two.py").write_text(f'"""{long}"""\n', encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "three.py").write_text(f'"""{long} of a test"""\n', encoding="utf-8")
    assert list(docstrings(tmp_path)) == [long.strip(), f"{long}again"]
