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


@given(st.lists(st.sampled_from([*KEPT, "word", " ", "，", "保存", "｟", "｟3｠", "。"]), max_size=14).map("".join))
def test_restoring_gives_back_what_was_masked(text: str) -> None:
    masked = protect(text)
    assert restore(masked.text, masked.kept) == text
    assert has_all_sentinels(masked.text, len(masked.kept))


@given(st.text(max_size=60))
def test_any_text_can_be_masked_and_restored(text: str) -> None:
    masked = protect(text)
    assert restore(masked.text, masked.kept) == text


def test_more_than_sixteen_stay_as_they_are() -> None:
    masked = protect("%s " * 20)
    assert len(masked.kept) == MOST_SENTINELS
    assert masked.text.count("%s") == 4


def test_a_pair_is_masked_alike_in_another_order() -> None:
    assert protect_pair("%s of %d: %s", "%d 个中的 %s：%s") == ("｟0｠ of ｟1｠: ｟2｠", "｟1｠ 个中的 ｟0｠：｟2｠")


@pytest.mark.parametrize(("source", "target"), [("%s", "无"), ("none", "%s"), ("%s %s", "%s"), ("%d", "%s")])
def test_a_pair_with_other_placeholders_is_refused(source: str, target: str) -> None:
    assert protect_pair(source, target) is None


def test_damage_names_what_is_lost_and_what_is_added() -> None:
    assert damage("Save %s\nas {name}", "保存 %s 为 {nom}") == "lost \\n, {name}; added {nom}"
    assert damage("Save %s", "保存 %s") is None


@pytest.mark.parametrize(
    ("entry", "plain", "translated", "whole"),
    [
        ("Save _As...", "Save As...", "另存为...", "另存为(_A)..."),
        ("&File", "File", "文件", "文件(&F)"),
        ("E_xit", "Exit", "退出", "退出(_X)"),
        ("_Name:", "Name:", "名称：", "名称(_N)："),
        ("Plain", "Plain", "普通", "普通"),
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
