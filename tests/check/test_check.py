"""Faults that were put into good data are found, and nothing else is."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from penjing.check.damage import find_damage
from penjing.check.finding import Finding, Parts
from penjing.check.personal import find_personal
from penjing.check.personal_marks import is_card_number, is_identity_number, without_personal
from penjing.check.run import check_data
from penjing.check.write import cleaned_paths
from penjing.cli.main import app
from penjing.data.dataset import Example
from penjing.errors import DataError

GOOD, BAD = ["great", "lovely", "tasty", "warm", "fresh", "kind"], ["awful", "cold", "rude", "dirty", "slow", "stale"]
NOUNS = ["soup", "noodles", "waiter", "room", "bed", "window", "garden", "breakfast", "tea", "rice"]


def reviews(count: int, *, seed: int = 0) -> list[Example]:
    """Return different reviews whose words say their label."""
    chance = np.random.default_rng(seed)
    found: dict[str, Example] = {}
    while len(found) < count:
        label = "yes" if len(found) % 2 else "no"
        words = chance.choice(GOOD if label == "yes" else BAD, 3, replace=False)
        nouns = chance.choice(NOUNS, 3, replace=False)
        text = " ".join(f"{word} {noun}" for word, noun in zip(words, nouns, strict=True))
        found.setdefault(text, Example(f"{text} {len(found)}", (label,)))
    return list(found.values())


def by_name(parts: Parts) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_data(parts)}


def test_good_data_has_a_profile_and_nothing_grave() -> None:
    found = by_name({"train": reviews(200)})
    assert {finding.severity for finding in found.values()} == {"note"}
    assert "200 training texts, 2 labels, en" in found["profile"].says


def test_repeats_and_contradictions_are_left_out() -> None:
    rows = reviews(100)
    rows += [rows[0], Example(rows[1].text, ("yes" if rows[1].labels == ("no",) else "no",)), Example("", ("no",))]
    parts = {"train": rows}
    found = by_name(parts)
    assert found["repeats"].places == (("train", 100),)
    assert set(found["contradictions"].places) == {("train", 1), ("train", 101)}
    assert "in row 2" in found["contradictions"].examples[0]
    assert found["empty texts"].places == (("train", 102),)
    assert all(found[name].dropped for name in ("repeats", "contradictions", "empty texts"))


def test_leaks_stay_in_test_and_leave_train() -> None:
    train, test = reviews(120), reviews(40, seed=9)
    train.append(Example(test[3].text.upper() + "!", test[3].labels))
    found = by_name({"train": train, "test": test})
    assert ("train", 120) in found["leaks"].places
    assert all(part == "train" for part, _ in found["leaks"].places)
    assert found["leaks"].severity == "error"


def test_wrong_labels_are_found_and_named() -> None:
    rows = reviews(300)
    wrong = np.random.default_rng(1).choice(300, 12, replace=False).tolist()
    for row in wrong:
        rows[row] = Example(rows[row].text, ("yes" if rows[row].labels == ("no",) else "no",))
    found = by_name({"train": rows})["suspect labels"]
    hit = {row for _, row in found.places}
    assert len(hit & set(wrong)) >= 10
    assert len(hit - set(wrong)) <= 6
    assert all(found.suggestions[f"train:{row}"] != rows[row].labels[0] for row in hit)
    assert not found.dropped


def test_rare_uneven_and_unseen_labels() -> None:
    train = reviews(400) + [Example("one of its kind", ("rare",))] * 1
    found = by_name({"train": train, "dev": [Example("never seen before", ("new",))]})
    assert "'rare'" in found["rare labels"].says
    assert found["uneven labels"].severity == "note"
    assert "'new'" in found["unseen labels"].says


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("caf\ufffd au lait", "lost characters"),
        ("质量锟斤拷不错", "lost characters"),
        ("鎴戠殑鍖呰９娌℃湁鏀跺埌", "UTF-8 read as GBK"),
        ("ä½\xa0å¥½", "UTF-8 read as Latin-1"),
        ("cafÃ© au lait", "UTF-8 read as Latin-1"),
        ("donâ€™t", "UTF-8 read as Latin-1"),
        ("ring\x07", "control characters"),
        ("salt &amp; pepper", "markup"),
        ("one<br/>two", "markup"),
    ],
)
def test_each_damage_is_found(text: str, name: str) -> None:
    (finding,) = find_damage({"train": [Example(text, ("a",))]})
    assert finding.name == name


@pytest.mark.parametrize(
    "text",
    [
        "café à la crème",
        "5 < 6 & 7 > 2",
        "味道很好，åäö",
        "Â",
        "naïve Ángel",
        "tab\tand\nline",
        "« un bel été\xa0»",
        "垃圾，再也不买了",
    ],
)
def test_sound_texts_are_not_damage(text: str) -> None:
    assert not list(find_damage({"train": [Example(text, ("a",))]}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail li.wei+x@mail.example.com.cn now", "mail <email> now"),
        ("电话13812345678。", "电话<phone>。"),
        ("+86 138-1234-5678", "<phone>"),
        ("call +44 20 7946 0958", "call <phone>"),
        ("(415) 555-0134", "<phone>"),
        ("身份证11010519491231002X号", "身份证<id>号"),
        ("card 4111-1111-1111-1111", "card <card>"),
        ("order 110105194912310021 of 2024-11-05", "order 110105194912310021 of 2024-11-05"),
        ("version 1.2.3, 100000000000000000000", "version 1.2.3, 100000000000000000000"),
        ("a@b", "a@b"),
        ("这个店的老板说邮箱是abc@qq.com谢谢", "这个店的老板说邮箱是<email>谢谢"),
        ("4111 1111 1111 1111 12/25", "<card> 12/25"),
        ("4111111111111111 123", "<card> 123"),
        ("at 1700000000000 ms", "at 1700000000000 ms"),
        ("2024-01-15 2024-02-20", "2024-01-15 2024-02-20"),
        ("座机010-62345678，或0755-88888888", "座机<phone>，或<phone>"),
        ("pi is +3.14159265", "pi is +3.14159265"),
    ],
)
def test_personal_data_is_marked_and_other_numbers_are_not(text: str, expected: str) -> None:
    assert without_personal(text) == expected
    assert bool(list(find_personal({"train": [Example(text, ("a",))]}))) == (text != expected)


@given(st.text(max_size=300))
def test_marks_hold_no_personal_data(text: str) -> None:
    once = without_personal(text)
    assert without_personal(once) == once


@given(st.integers(0, 10**15 - 1))
def test_one_digit_more_or_less_breaks_a_card_number(number: int) -> None:
    body = f"4{number:015d}"[:15]
    check = next(digit for digit in "0123456789" if is_card_number(body + digit))
    wrong = str((int(check) + 1) % 10)
    assert not is_card_number(body + wrong)


def test_an_identity_number_has_one_check_digit() -> None:
    body = "11010519491231002"
    assert [digit for digit in "0123456789X" if is_identity_number(body + digit)] == ["X"]


def test_the_command_writes_what_is_left_with_every_column(tmp_path: Path) -> None:
    rows = reviews(60)
    lines = [f"{number},{one.text},{one.labels[0]}" for number, one in enumerate(rows)]
    lines += [f"60,{rows[0].text},{rows[0].labels[0]}", "61,write to li@example.com please,yes", "62,no label here,"]
    (tmp_path / "data.csv").write_text("id,message,team\n" + "\n".join(lines) + "\n", encoding="utf-8")
    asked = ["check", str(tmp_path / "data.csv"), "--text", "message", "--label", "team"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 3
    assert "no label: 1 rows" in shown.output
    assert "li@example.com" not in shown.output
    assert "write to <email> please" in shown.output
    found = CliRunner().invoke(app, [*asked, "--write", str(tmp_path / "clean.csv"), "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["written"] == {"train": 61}
    assert next(one for one in told["findings"] if one["name"] == "repeats")["places"] == [["train", 61]]
    text = (tmp_path / "clean.csv").read_text(encoding="utf-8").splitlines()
    assert text[0] == "id,message,team"
    assert text[-1] == "61,write to <email> please,yes"
    again = CliRunner().invoke(app, ["check", str(tmp_path / "clean.csv"), "--text", "message", "--label", "team"])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("name", ["data.jsonl", "there.csv", "absent/clean.csv"])
def test_what_would_be_overwritten_is_refused_first(name: str, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("mine", encoding="utf-8")
    (tmp_path / "mine.dev.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match=r"CSV|exists already|not there"):
        cleaned_paths(tmp_path / name, ["train"])
    with pytest.raises(DataError, match="exists already"):
        cleaned_paths(tmp_path / "mine.csv", ["train", "dev"])
    assert cleaned_paths(tmp_path / "new.csv", ["train", "dev"])["dev"].name == "new.dev.csv"


def test_labels_that_are_spelt_twice_and_one_label_alone() -> None:
    rows = [
        Example(one.text, (one.labels[0].title() if row % 9 == 0 else one.labels[0],))
        for row, one in enumerate(reviews(90))
    ]
    assert "'Yes' and 'yes'" in by_name({"train": rows})["labels spelt twice"].says
    assert (
        "nothing can be learned"
        in by_name({"train": [Example(f"text {n}", ("a",)) for n in range(20)]})["one label"].says
    )


def test_errors_end_with_3_and_nothing_with_2(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,label\nsame,yes\nsame,no\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["check", str(tmp_path / "data.csv")]).exit_code == 3
    found = CliRunner().invoke(app, ["check", str(tmp_path / "absent.csv")])
    assert isinstance(found.exception, DataError)
