"""Passages are read from text, questions and conversations, and no held-out one is seen in training."""

import json

import pytest

from penjing.data.passages import Passage, load_passages
from penjing.errors import DataError
from penjing.spec import DataSpec


def words(number):
    return " ".join(f"{number * place * 7919 % 104729:x}" for place in range(1, 60))


def rows(path, found):
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return DataSpec(source=str(path))


def test_running_text_is_split_in_its_order(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("\n".join(f"{number:04d} {words(number)}" for number in range(200)), encoding="utf-8")
    splits = load_passages(DataSpec(source=str(path)))
    starts = [int(passage.text[:4]) for part in (splits.train, splits.dev, splits.test) for passage in part]
    assert starts == sorted(starts)
    assert len(splits.train) > 5 * len(splits.dev) > 0


def test_questions_with_answers(tmp_path):
    spec = rows(tmp_path / "faq.jsonl", [{"prompt": words(n), "answer": words(n + 500)} for n in range(60)])
    found = load_passages(spec).train[0]
    assert found.prompt[0][0] == "user"
    assert found.text in {words(n + 500) for n in range(60)}


def test_every_answer_of_a_conversation_is_a_passage(tmp_path):
    def turn(role, number):
        return {"role": role, "content": words(number)}

    talks = [[turn("user", n), turn("assistant", n + 200), turn("user", n + 400), turn("assistant", n + 600)]
             for n in range(40)]  # fmt: skip
    splits = load_passages(rows(tmp_path / "chat.jsonl", [{"messages": talk} for talk in talks]))
    everything = splits.train + splits.dev + splits.test
    assert {len(passage.prompt) for passage in everything} == {1, 3}
    assert all(passage.prompt[-1][0] == "user" for passage in everything)


def test_copies_of_held_out_text_are_not_learned(tmp_path):
    train = tmp_path / "train.jsonl"
    rows(train, [{"text": words(n)} for n in range(40)])
    held_out = rows(tmp_path / "dev.jsonl", [{"text": words(n) + " !"} for n in range(30, 38)]).source
    splits = load_passages(DataSpec(train=str(train), dev=held_out, test=held_out))
    assert not {passage.text for passage in splits.train} & {words(n) for n in range(30, 38)}
    assert "near-duplicates" in splits.notes[0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"messages": "hello"}, "no conversation"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "unknown role"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}, "two turns"),
        ({"question": "a"}, "no column"),
        ({"prompt": "a", "answer": None}, "no answer"),
    ],
)
def test_what_is_no_passage_is_named(tmp_path, row, said):
    with pytest.raises(DataError, match=said):
        load_passages(rows(tmp_path / "bad.jsonl", [row]))


def test_too_little_text_is_named(tmp_path):
    with pytest.raises(DataError, match="too little text"):
        load_passages(rows(tmp_path / "few.jsonl", [{"text": words(n)} for n in range(3)]))


def test_everything_is_all_that_is_said():
    assert Passage((("user", "a"),), "b").everything == "a\nb"
