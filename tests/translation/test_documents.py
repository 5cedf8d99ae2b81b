import io
from pathlib import Path

import polib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.errors import DataError
from penjing.translation.documents import Work, translate_document
from penjing.translation.documents.html import page_texts
from penjing.translation.model import Candidate, Translator, Wish
from penjing.translation.terms import read_terms
from tests.translation.fake import PAIR, Answer, Fake, shouted


def translated(path: Path, content: str, answer: Answer = shouted, column: str = "text") -> str:
    path.write_text(content, encoding="utf-8")
    file = io.StringIO()
    translate_document(path, file, Work(Translator("fake", Fake(answer)), Wish(PAIR), column=column))
    return file.getvalue()


def test_a_text_file_keeps_its_lines(tmp_path: Path) -> None:
    assert translated(tmp_path / "a.txt", "one\n\n  two\r\nthree") == "ONE\n\n  TWO\r\nTHREE"


def test_tables_and_json_lines_get_a_column(tmp_path: Path) -> None:
    assert translated(tmp_path / "a.csv", 'id,text\n1,"a, b"\n2,\n') == (
        'id,text,translation,problem\n1,"a, b","A, B",\n2,,,\n'
    )
    assert translated(tmp_path / "a.tsv", "id\ttext\n1\tone\n") == "id\ttext\ttranslation\tproblem\n1\tone\tONE\t\n"
    assert translated(tmp_path / "a.jsonl", '{"text": "one", "n": 1}\n') == (
        '{"text": "one", "n": 1, "translation": "ONE"}\n'
    )
    with pytest.raises(DataError, match="no column 'body'"):
        translated(tmp_path / "b.csv", "id,text\n1,a\n", column="body")


PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>A page</title><style>p { color: red }</style></head>
<body><!-- a comment --><p class="x">Press <b>save</b> &amp; go,
 caf&eacute; <a href="/a?b=1">here</a>.</p><pre>  as it is </pre>
<ul><li>one<li>two</ul><img src="a.png"><script>if (a < b) { "text" }</script></body></html>
"""


def test_a_page_keeps_its_markup_and_code(tmp_path: Path) -> None:
    found = translated(tmp_path / "a.html", PAGE)
    for kept in (
        "<!DOCTYPE html>",
        "p { color: red }",
        "<!-- a comment -->",
        "<pre>  as it is </pre>",
        '"text"',
        '<img src="a.png">',
        "<title>A PAGE</title>",
        "<li>ONE<li>TWO",
    ):
        assert kept in found, kept
    assert '<p class="x">PRESS <b>SAVE</b> &amp; GO, CAFÉ <a href="/a?b=1">HERE</a>.</p>' in found


def test_a_page_that_is_not_translated_is_as_it_was() -> None:
    page = page_texts(PAGE)
    untouched = [page.pieces[place] for place in page.places]
    assert page.filled(untouched) == PAGE


@given(st.text(alphabet="<![-/>a&; pb\"'\ncode#60", max_size=60))
def test_any_page_is_copied_or_refused(source: str) -> None:
    try:
        page = page_texts(source)
    except DataError:
        return
    assert page.filled([page.pieces[place] for place in page.places]) == source


@pytest.mark.parametrize("page", ["AT&T rocks", "Q&A", "<pre>a&b c &amp d</pre>", "<P >x</P >", "<p>a<", "x<!doctype"])
def test_pages_are_copied_character_by_character(page: str) -> None:
    found = page_texts(page)
    assert found.filled([found.pieces[place] for place in found.places]) == page


def test_escaped_markup_stays_escaped() -> None:
    page = page_texts("<p>&#60;img src=x onerror=alert(1)&#62; &LT;b&GT; &#x3c;i&#x3e; &amp;lt; caf&eacute;</p>")
    assert page.texts == ["&#60;img src=x onerror=alert(1)&#62; &LT;b&GT; &#x3c;i&#x3e; &amp;lt; café"]


def test_what_follows_an_open_tag_is_translated() -> None:
    assert page_texts("<p>Use <code>x for it</p><p>rest</p>").texts == ["Use <code>x for it", "rest"]
    assert page_texts("<pre><code>a</pre><p>rest</p>").texts == ["rest"]


def test_a_page_of_open_tags_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="broken"):
        page_texts("<a " * 60_000)


@pytest.mark.parametrize(
    "page", ["", "<", "<p", "<p>text", "a < b & c", "</b></b>", "<![CDATA[x]]>", "<p>&#x110000;</p>"]
)
def test_broken_pages_do_not_fail(page: str) -> None:
    found = page_texts(page)
    found.filled(found.texts)


def catalogue(path: Path) -> dict[str, polib.POEntry]:
    return {entry.msgid: entry for entry in polib.pofile(str(path))}


def test_a_catalogue_is_filled_and_what_lost_something_is_fuzzy(tmp_path: Path) -> None:
    def answer(text: str, search: object) -> list[Candidate]:
        return [Candidate("失败" if "Lose" in text else text.upper(), -0.1)]

    source = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

#, c-format
msgid "_Open %s\\n"
msgstr ""

msgid "Lose %d"
msgstr ""

msgid "Done"
msgstr "好了"

msgctxt "menu"
msgid "One %d"
msgid_plural "Many %d"
msgstr[0] ""
msgstr[1] ""

#~ msgid "Old"
#~ msgstr "旧"
"""
    (tmp_path / "b.po").write_text(translated(tmp_path / "a.po", source, answer), encoding="utf-8")
    found = catalogue(tmp_path / "b.po")
    assert found["_Open %s\n"].msgstr == "OPEN %s(_O)\n"
    assert found["Lose %d"].fuzzy
    assert found["Lose %d"].tcomment == "penjing: lost %d"
    assert found["Done"].msgstr == "好了"
    assert found["One %d"].msgstr_plural == {0: "MANY %d"}
    assert found["Old"].obsolete
    assert polib.pofile(str(tmp_path / "b.po")).metadata["Plural-Forms"] == "nplurals=1; plural=0;"


def test_what_there_is_stays(tmp_path: Path) -> None:
    source = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 ? 0 : 1);\\n"

#, fuzzy
msgid "Draft"
msgstr "草稿"

msgid "One"
msgid_plural "Many"
msgstr[0] ""
msgstr[1] ""
msgstr[2] ""

msgid "\\n\\nUsage\\n\\n"
msgstr ""

msgid "_File"
msgstr ""
"""
    path = tmp_path / "a.po"
    path.write_text(source, encoding="utf-8")
    file = io.StringIO()
    translate_document(path, file, Work(Translator("fake", Fake()), Wish(PAIR, memory={"_File": "文件(_F)"})))
    (tmp_path / "b.po").write_text(file.getvalue(), encoding="utf-8")
    found = catalogue(tmp_path / "b.po")
    assert (found["Draft"].msgstr, found["Draft"].flags) == ("草稿", ["fuzzy"])
    assert found["One"].msgstr_plural == dict.fromkeys(range(3), "MANY")
    assert found["\n\nUsage\n\n"].msgstr == "\n\nUSAGE\n\n"
    assert found["_File"].msgstr == "文件(_F)"


def test_a_line_end_that_moved_to_the_end_makes_an_entry_fuzzy(tmp_path: Path) -> None:
    def answer(text: str, search: object) -> list[Candidate]:
        return [Candidate("一二｟0｠", -0.1)]

    (tmp_path / "b.po").write_text(
        translated(tmp_path / "a.po", 'msgid "One\\ntwo"\nmsgstr ""\n', answer), encoding="utf-8"
    )
    found = catalogue(tmp_path / "b.po")["One\ntwo"]
    assert (found.msgstr, found.flags) == ("一二", ["fuzzy"])


def test_columns_are_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="this column already"):
        translated(tmp_path / "a.csv", "text,translation\na,b\n")
    assert translated(tmp_path / "a.tsv", 'text\tsay\n0\tsay "hi" now\n').splitlines()[1] == '0\tsay "hi" now\t0\t'


@pytest.mark.parametrize("name", ["a.docx", "missing.txt"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    if name == "a.docx":
        (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(DataError, match=r"unknown kind|not found"):
        translate_document(tmp_path / name, io.StringIO(), Work(Translator("fake", Fake()), Wish(PAIR)))


def test_terms_are_read_from_tables_and_catalogues(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("en,zh\nfile,文件\n,空\n", encoding="utf-8")
    entries = polib.POFile()
    entries.append(polib.POEntry(msgid="file", msgstr="文件"))
    entries.save(str(tmp_path / "a.po"))
    assert read_terms(tmp_path / "a.csv") == read_terms(tmp_path / "a.po") == {"file": "文件"}
    (tmp_path / "b.csv").write_text("en\nfile\n", encoding="utf-8")
    with pytest.raises(DataError, match="two columns"):
        read_terms(tmp_path / "b.csv")
