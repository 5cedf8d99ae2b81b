"""Texts told anew: sane, new, and with their label; and what they are worth."""

import random
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertModel
from typer.testing import CliRunner

from penjing.augment.gain import measured_gains
from penjing.augment.made import augmented
from penjing.augment.masked import MaskedModel
from penjing.augment.retold import OtherWords, ThereAndBack
from penjing.augment.words import ChangedWords
from penjing.cli.main import app
from penjing.data import Example, Splits, load_splits
from penjing.data.further import source_mark
from penjing.errors import DataError, EngineError, ModelError, TaskError
from penjing.generation.references import open_text_model
from penjing.progress import Silent
from penjing.spec import DataSpec
from penjing.translation.references import open_translator

GOOD, BAD = ["lovely", "good", "fine", "warm"], ["awful", "bad", "dull", "cold"]


def examples(count: int, *, seed: int = 0) -> list[Example]:
    draw = random.Random(seed)  # noqa: S311 (texts)
    found = []
    for number in range(count):
        words = GOOD if number % 2 else BAD
        text = f"the {draw.choice(words)} and {draw.choice(words)} room {number} was {draw.choice(words)}"
        found.append(Example(text, ("good" if number % 2 else "bad",)))
    return found


@given(st.text(max_size=200), st.integers(1, 6))
def test_changed_words_are_the_text_s_own(text: str, times: int) -> None:
    made = ChangedWords(seed=3)(text, times)
    assert len(made) in {0, times}
    for version in made:
        assert not set(version) - set(text) - {" "}


def test_the_same_seed_changes_the_same_words() -> None:
    one, other = (ChangedWords(seed=5)("酒店的房间很干净 and quiet", 4) for _ in range(2))
    assert one == other
    assert len(set(one)) > 1


def test_versions_that_say_the_opposite_are_left_out() -> None:
    there = examples(60)

    def turned(text: str, times: int) -> list[str]:
        opposite = text
        for good, bad in zip(GOOD, BAD, strict=True):
            opposite = opposite.replace(good, "#").replace(bad, good).replace("#", bad)
        return [opposite.replace("room", "flat"), text.replace("room", "flat"), text, " ", text * 9]

    found = augmented(there, turned, times=5, reporter=Silent())
    assert {one.text for one in found.made} == {one.text.replace("room", "flat") for one in there}
    assert all(one.label == there[one.source].labels[0] for one in found.made)
    assert (found.repeats, found.doubtful) == (60, 60)


def test_several_labels_are_refused() -> None:
    with pytest.raises(DataError, match="several labels"):
        augmented([Example("a", ("x", "y"))], ChangedWords(), times=1, reporter=Silent())


def test_a_label_with_one_example_is_refused() -> None:
    with pytest.raises(DataError, match="single training example"):
        augmented([*examples(10), Example("odd", ("other",))], ChangedWords(), times=1, reporter=Silent())


def test_few_are_drawn_from_every_label_and_judged_by_all() -> None:
    there = sorted(examples(60), key=lambda one: one.labels)
    found = augmented(there, ChangedWords(), times=1, limit=10, reporter=Silent())
    assert len({one.source for one in found.made}) <= 10
    assert {one.label for one in found.made} == {"good", "bad"}


def test_what_was_made_before_a_failure_is_kept() -> None:
    turns = iter(range(100))

    def fails(text: str, times: int) -> list[str]:
        if next(turns) == 6:
            raise EngineError("the server went away")
        return [f"{text} indeed"]

    found = augmented(examples(20), fails, times=1, reporter=Silent())
    assert len(found.made) + found.doubtful == 6
    assert "after 6 of 20 texts" in (found.stopped or "")


def splits() -> Splits:
    there = examples(90)
    return Splits(tuple(there[:12]), tuple(there[12:60]), tuple(there[60:]), ("bad", "good"))


def gains(more: list[Example]) -> object:
    return measured_gains(splits(), more, models=[], cache=Path("unused"), reporter=Silent())[0]


def test_examples_that_teach_gain_and_wrong_ones_cost() -> None:
    more = examples(60, seed=1)
    wrong = [Example(one.text, ("bad" if one.labels == ("good",) else "good",)) for one in more]
    right, harmed = gains(more), gains(wrong)
    assert right.made >= right.without
    assert (harmed.says, harmed.gain < -0.3, harmed.n) == ("harms", True, 48)
    assert harmed.gain_ci.low <= harmed.gain <= harmed.gain_ci.high < 0
    nothing = gains([])
    assert (nothing.gain, nothing.says) == (0.0, "cannot be told from nothing")


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "room", "was", *GOOD, *BAD]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(words[:5])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=32, max_position_embeddings=32)  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def test_a_masked_model_writes_other_words_and_leaves_the_rest(masked: Path, tmp_path: Path) -> None:
    way = MaskedModel(str(masked), cache=tmp_path)
    text = "the room was warm the room was cold the room was fine"
    made = way(text, 3)
    assert len(made) == 3
    for version in made:
        changed = [one != other for one, other in zip(text.split(), version.split(), strict=True)]
        assert sum(changed) <= 2
    assert way("warm", 3) == []
    assert MaskedModel(str(masked), cache=tmp_path)(text, 3) == made


def test_a_model_without_the_head_is_refused(masked: Path, tmp_path: Path) -> None:
    folder = tmp_path / "headless"
    shutil.copytree(masked, folder)
    BertModel(BertConfig.from_pretrained(masked)).save_pretrained(folder)
    with pytest.raises(ModelError, match="no head that fills in hidden words"):
        MaskedModel(str(folder), cache=tmp_path)


@pytest.mark.usefixtures("server")
def test_a_model_that_writes_says_it_in_other_words() -> None:
    with open_text_model("openai:m") as model:
        assert OtherWords(model)("Hi there.", 2) == []  # this server's answers are cut off


def test_there_and_back_through_a_bundle(toy_bundle: Path) -> None:
    with open_translator(str(toy_bundle), threads=1) as there:
        made = ThereAndBack(there, there)("Save the new file", 2)
    assert 1 <= len(made) <= 2
    assert all(made)


def write_task(folder: Path, count: int = 120) -> Path:
    rows = "\n".join(f"{one.text},{one.labels[0]}" for one in examples(count))
    (folder / "data.csv").write_text(f"text,label\n{rows}\n", "utf-8")
    (folder / "task.toml").write_text('name = "t"\nkind = "classify"\n[data]\nsource = "data.csv"\n', "utf-8")
    return folder / "task.toml"


def test_the_command_makes_a_file_that_fit_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penjing.select.probes.installed", list)
    task, more = write_task(tmp_path), tmp_path / "more.csv"
    found = CliRunner().invoke(app, ["augment", str(task), "--write", str(more)])
    assert found.exit_code == 0, found.output
    assert "n-grams" in found.output
    plain = load_splits(DataSpec(source=str(tmp_path / "data.csv")))
    grown = load_splits(DataSpec(source=str(tmp_path / "data.csv"), more=str(more)))
    assert (grown.dev, grown.test) == (plain.dev, plain.test)
    assert len(grown.train) > len(plain.train)
    assert any("training examples added" in note for note in grown.notes)


@pytest.mark.parametrize("arguments", [["--by", "magic"], ["--by", "back", "--model", "one"], ["--model", "needless"]])
def test_the_command_says_what_it_takes(arguments: list[str], tmp_path: Path) -> None:
    command = ["augment", str(write_task(tmp_path)), "--write", str(tmp_path / "more.csv"), *arguments]
    assert isinstance(CliRunner().invoke(app, command).exception, TaskError)


def test_more_with_strange_labels_or_test_texts(tmp_path: Path) -> None:
    write_task(tmp_path)
    source, more = str(tmp_path / "data.csv"), tmp_path / "more.csv"
    more.write_text("text,label\nsomething new,neutral\n", "utf-8")
    with pytest.raises(DataError, match="labels that train has not"):
        load_splits(DataSpec(source=source, more=str(more)))
    plain = load_splits(DataSpec(source=source))
    leak = plain.test[0]
    more.write_text(f"text,label\n{leak.text}!,{leak.labels[0]}\nquite another matter,good\n", "utf-8")
    grown = load_splits(DataSpec(source=source, more=str(more)))
    assert [one.text for one in grown.train[len(plain.train) :]] == ["quite another matter"]


def test_more_that_was_made_from_a_test_text_is_left_out(tmp_path: Path) -> None:
    write_task(tmp_path)
    plain = load_splits(DataSpec(source=str(tmp_path / "data.csv")))
    marks = [source_mark(one.text) for one in (plain.test[0], plain.train[0])]
    rows = [f"retold {place},good,{mark}" for place, mark in enumerate(marks)]
    (tmp_path / "more.csv").write_text("\n".join(["text,label,made_from", *rows, ""]), "utf-8")
    grown = load_splits(DataSpec(source=str(tmp_path / "data.csv"), more=str(tmp_path / "more.csv")))
    assert [one.text for one in grown.train[len(plain.train) :]] == ["retold 1"]
    assert any("made from dev or test" in note for note in grown.notes)


def test_more_has_a_header_though_the_data_has_none(tmp_path: Path) -> None:
    rows = [f"{one.text},{one.labels[0]},x" for one in examples(120)]
    (tmp_path / "data.csv").write_text("\n".join([*rows, ""]), "utf-8")
    (tmp_path / "more.csv").write_text('"text","label"\n"a line\rand another","good"\n', "utf-8")
    spec = DataSpec(
        source=str(tmp_path / "data.csv"), columns=("text", "label", "other"), more=str(tmp_path / "more.csv")
    )
    assert load_splits(spec).train[-1].labels == ("good",)
