import csv
from pathlib import Path

import polib
import pytest

from penjing.data.pairs import load_pairs, pairs_fingerprint, read_sources
from penjing.errors import DataError
from penjing.languages import language
from penjing.spec import DataSpec

EN, ZH = language("en"), language("zh")
DIGITS = "零一二三四五六七八九"


def rows(n: int) -> list[tuple[str, str]]:
    return [(f"Open file number {i}", "打开文件" + "".join(DIGITS[int(d)] for d in str(i))) for i in range(n)]


def table(path: Path, pairs: list[tuple[str, ...]], header: tuple[str, ...] = ("source", "target")) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *pairs])
    return str(path)


def test_pairs_are_cleaned_and_every_reason_is_counted(tmp_path: Path) -> None:
    bad = [
        ("Save %s", "保存"),
        ("same", "same"),
        ("", "空"),
        ("english only", "still english"),
        ("x" * 700, "长" * 700),
        ("Yes", "是的" * 60),
        ("Open file number 1", "打开文件一"),
    ]
    found = load_pairs(DataSpec(source=table(tmp_path / "a.csv", [*rows(400), *bad])), EN, ZH)
    text = "\n".join(found.notes)
    for why in (
        "placeholders differ",
        "not translated",
        "empty",
        "another language",
        "too long",
        "seen before",
        "different",
    ):
        assert why in text, why
    assert len(found.train) + len(found.dev) + len(found.test) == 400


def test_a_source_is_in_one_split_alone(tmp_path: Path) -> None:
    twice = [(source, target + "吧") for source, target in rows(400)]
    found = load_pairs(DataSpec(source=table(tmp_path / "a.csv", rows(400) + twice)), EN, ZH)
    parts = [{pair.source for pair in part} for part in (found.train, found.dev, found.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]  # noqa: PT018 (one claim)
    assert not any(found.seen("test"))


def test_groups_are_held_out_whole(tmp_path: Path) -> None:
    grouped = [(*pair, f"program{i % 40}") for i, pair in enumerate(rows(900))]
    path = table(tmp_path / "a.csv", grouped, ("source", "target", "program"))
    found = load_pairs(DataSpec(source=path, group="program"), EN, ZH)
    groups = [{pair.group for pair in part} for part in (found.train, found.dev, found.test)]
    assert sum(map(len, groups)) == 40


def test_the_split_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    one = load_pairs(DataSpec(source=table(tmp_path / "a.csv", rows(400))), EN, ZH)
    other = load_pairs(DataSpec(source=table(tmp_path / "b.csv", rows(400)[::-1])), EN, ZH)
    assert pairs_fingerprint(one) == pairs_fingerprint(other)


def test_parallel_files_and_catalogues(tmp_path: Path) -> None:
    for code, side in (("en", 0), ("zh", 1)):
        (tmp_path / f"a.{code}").write_text("\n".join(pair[side] for pair in rows(400)), encoding="utf-8")
    catalogue = polib.POFile()
    for source, target in rows(400):
        catalogue.append(polib.POEntry(msgid=source, msgstr=target))
    catalogue.append(polib.POEntry(msgid="fuzzy", msgstr="模糊", flags=["fuzzy"]))
    catalogue.save(str(tmp_path / "a.po"))
    catalogue.save_as_mofile(str(tmp_path / "a.mo"))
    found = [load_pairs(DataSpec(source=str(tmp_path / name)), EN, ZH) for name in ("a.{lang}", "a.po", "a.mo")]
    assert len({pairs_fingerprint(one) for one in found}) == 1


def test_parallel_files_of_other_lengths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\ntwo", encoding="utf-8")
    (tmp_path / "a.zh").write_text("一", encoding="utf-8")
    with pytest.raises(DataError, match="2 and 1 lines"):
        load_pairs(DataSpec(source=str(tmp_path / "a.{lang}")), EN, ZH)


def test_a_broken_catalogue_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.po").write_text('msgid "a"\nmsgstr "b"\nnonsense here\n', encoding="utf-8")
    with pytest.raises(DataError, match="no gettext catalogue"):
        load_pairs(DataSpec(source=str(tmp_path / "a.po")), EN, ZH)


def test_too_few_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few pairs"):
        load_pairs(DataSpec(source=table(tmp_path / "a.csv", rows(30))), EN, ZH)


def test_why_pairs_were_dropped_is_said_where_too_few_are_left(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [*rows(30), ("Save %s", "保存")])
    with pytest.raises(DataError, match=r"1 of 31 pairs dropped: placeholders differ"):
        load_pairs(DataSpec(source=path), EN, ZH)


def test_a_column_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.group"):
        load_pairs(DataSpec(source=table(tmp_path / "a.csv", rows(400)), group="program"), EN, ZH)


def test_texts_without_translation_leave_out_what_is_held_out(tmp_path: Path) -> None:
    splits = load_pairs(DataSpec(source=table(tmp_path / "a.csv", rows(400))), EN, ZH)
    (tmp_path / "more.txt").write_text(f"{splits.test[0].source}\nSave _As %s\nSave _As %s\n", encoding="utf-8")
    assert read_sources(tmp_path / "more.txt", column="text", splits=splits) == ("Save As ｟0｠",)
