import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.masking import (
    MOST_SENTINELS,
    damage,
    has_all_sentinels,
    join_accelerator,
    protect,
    protect_pair,
    renumbered,
    restore,
    split_accelerator,
    without_accelerators,
)

KEPT = [
    "%s",
    "%d",
    "%1$s",
    "%-10.2f",
    "%(name)s",
    "{name}",
    "{0}",
    "${HOME}",
    "$(prefix)",
    "<b>",
    "</b>",
    "&amp;",
    "\n",
    "https://example.org/a?b=1",
    "me@example.org",
    "--help",
    "/usr/share/doc",
    "%PRODUCTNAME",
    "%1",
    "\\n",
]


@pytest.mark.parametrize("kept", KEPT)
def test_what_must_survive_is_masked(kept: str) -> None:
    assert protect(f"Open {kept} now").kept == (kept,)


@pytest.mark.parametrize(
    "text", ["100% of it", "a < b and b > c", "Q&A", "R&D", "and/or", "50 % off", "2 - 1", "x-ray"]
)
def test_plain_text_is_not_masked(text: str) -> None:
    assert protect(text).kept == ()


@pytest.mark.parametrize(
    ("source", "translated", "said"),
    [
        ("Select the <b>folder</b> to import", "选择「｟0｠ ｟1｠」", "emptied <b>"),
        ("Select the <b>folder</b> to import", "选择｟0｠文件夹｟1｠", None),
        ("Open <br><b></b> it", "打开｟0｠｟1｠｟2｠", None),
        ("%s of %s", "｟0｠ ｟1｠", None),
        ("<b>" + "word " * 20_000, "｟0｠" + " " * 100_000, None),
    ],
)
def test_a_tag_whose_words_are_gone_is_told(source: str, translated: str, said: str | None) -> None:
    assert damage(protect(source), translated) == said


@given(st.lists(st.sampled_from([*KEPT, "word", " ", "，", "保存", "｟", "｟3｠", "。"]), max_size=14).map("".join))
def test_restoring_gives_back_what_was_masked(text: str) -> None:
    masked = protect(text)
    assert restore(masked.text, masked.kept) == text
    assert has_all_sentinels(masked.text, len(masked.kept))


@given(st.text(max_size=60))
def test_any_text_can_be_masked_and_restored(text: str) -> None:
    masked = protect(text)
    assert restore(masked.text, masked.kept) == text


def test_of_a_part_more_than_sixteen_stay_as_they_are() -> None:
    masked = protect("%s " * 20)
    part = renumbered(masked.text, masked.kept)
    assert len(part.kept) == MOST_SENTINELS
    assert part.text.count("%s") == 4
    assert damage(part, part.text) is None
    assert damage(part, part.text.replace(" %s", "", 1)) == "lost %s"


@pytest.mark.parametrize(
    "text",
    [
        "参见https://example.org了解更多",
        "联系me@example.org获取",
        "在/usr/share中",
        "使用--help选项",
        "在$HOME目录",
        "见%s文件",
    ],
)
def test_what_must_survive_ends_where_chinese_begins(text: str) -> None:
    assert all(character.isascii() for kept in protect(text).kept for character in kept)
    assert len(protect(text).kept) == 1


def test_what_is_typed_is_kept_with_its_tags() -> None:
    assert protect("Run <code>make test</code> first").kept == ("<code>make test</code>",)


def test_long_runs_take_no_time_to_look_at() -> None:
    for text in ("a" * 200_000, "<" * 200_000, "%(" * 100_000, "a." * 100_000, "{" * 200_000, " " * 200_000):
        protect(text)
        without_accelerators(text, text)


def test_a_pair_is_masked_alike_in_another_order() -> None:
    assert protect_pair("%s of %d: %s", "%d 个中的 %s：%s") == ("｟0｠ of ｟1｠: ｟2｠", "｟1｠ 个中的 ｟0｠：｟2｠")


@pytest.mark.parametrize(("source", "target"), [("%s", "无"), ("none", "%s"), ("%s %s", "%s"), ("%d", "%s")])
def test_a_pair_with_other_placeholders_is_refused(source: str, target: str) -> None:
    assert protect_pair(source, target) is None


def test_damage_names_what_is_lost_and_what_is_added() -> None:
    masked = protect("Save %s\nas {name}")
    assert damage(masked, "保存 ｟0｠ 为 {nom} ｟0｠") == "lost \\n, {name}; repeated %s; added {nom}"
    assert damage(masked, "｟2｠｟1｠｟0｠") is None


@pytest.mark.parametrize(
    ("entry", "plain", "translated", "whole"),
    [
        ("Save _As...", "Save As...", "另存为...", "另存为(_A)..."),
        ("&File", "File", "文件", "文件(&F)"),
        ("E_xit", "Exit", "退出", "退出(_X)"),
        ("_Name:", "Name:", "名称：", "名称(_N)："),
        ("Plain", "Plain", "普通", "普通"),
        ("Max_length must be set", "Max_length must be set", "必须", "必须"),
        ("https://x.org/_static/a", "https://x.org/_static/a", "址", "址"),
        ("{_count} files", "{_count} files", "个", "个"),
        ("%(Max_len)s bytes", "%(Max_len)s bytes", "字节", "字节"),
    ],
)
def test_accelerators_go_and_come_back_in_brackets(entry: str, plain: str, translated: str, whole: str) -> None:
    found, accelerator = split_accelerator(entry)
    assert found == plain
    assert join_accelerator(translated, accelerator) == whole
    assert without_accelerators(entry, whole) == (plain, translated)


@given(st.text(alphabet="ab _&;.", max_size=12))
def test_an_accelerator_takes_one_mark_at_the_most(text: str) -> None:
    plain, accelerator = split_accelerator(text)
    assert len(text) - len(plain) == (accelerator is not None)
    assert re.sub("[_&]", "", plain) == re.sub("[_&]", "", text)
