from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, models, processors

from penjing.errors import ModelError
from penjing.shrink.tokenizer import rewrite
from tests.shrink.small_tokenizers import KINDS, UNK


def letters(processor: object = None) -> Tokenizer:
    vocabulary = {"a": 0, "b": 1, "c": 2, UNK: 3, "[CLS]": 4, "[SEP]": 5, "[PAD]": 6}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNK))
    tokenizer.add_special_tokens(["[CLS]", "[SEP]", "[PAD]"])
    if processor is not None:
        tokenizer.post_processor = processor
    return tokenizer


TEMPLATE = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 4), ("[SEP]", 5)])
PROCESSORS = {
    "template": TEMPLATE,
    "bert": processors.BertProcessing(("[SEP]", 5), ("[CLS]", 4)),
    "roberta": processors.RobertaProcessing(("[SEP]", 5), ("[CLS]", 4)),
    "sequence": processors.Sequence([processors.ByteLevel(), TEMPLATE]),
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_ids_of_the_post_processor_follow(name: str) -> None:
    new = Tokenizer.from_str(rewrite(letters(PROCESSORS[name]).to_str(), (1, 3, 4, 5, 6)))
    encoding = new.encode("b")
    assert (encoding.ids, encoding.tokens) == ([2, 0, 3], ["[CLS]", "b", "[SEP]"])


def test_padding_follows_and_truncation_stays() -> None:
    tokenizer = letters(TEMPLATE)
    tokenizer.enable_padding(pad_id=6, pad_token="[PAD]", length=5)
    tokenizer.enable_truncation(5)
    new = Tokenizer.from_str(rewrite(tokenizer.to_str(), (1, 3, 4, 5, 6)))
    assert new.encode("b").ids == [2, 0, 3, 4, 4]
    assert new.truncation is not None
    assert new.truncation["max_length"] == 5


def test_the_unknown_piece_follows() -> None:
    new = Tokenizer.from_str(rewrite(letters().to_str(), (1, 3, 4, 5, 6)))
    assert new.encode("z").ids == [1]
    scores = [("a", -1.0), ("b", -9.0), (UNK, 0.0)]
    unigram = Tokenizer(models.Unigram(scores, unk_id=2, byte_fallback=False))
    assert Tokenizer.from_str(rewrite(unigram.to_str(), (1, 2))).encode("z").ids == [1]


def test_scores_are_unchanged() -> None:
    old = KINDS["Unigram"]()
    vocabulary = json.loads(old.to_str())["model"]["vocab"]
    lowest = min(range(len(vocabulary)), key=lambda one: vocabulary[one][1])
    keep = sorted({0, 1, 2, 3, 20, 50, lowest})
    assert json.loads(rewrite(old.to_str(), keep))["model"]["vocab"] == [vocabulary[one] for one in keep]


@pytest.mark.parametrize("style", ["strings", "lists"])
def test_merges_are_read_in_both_styles_and_cut_to_what_stays(style: str) -> None:
    vocabulary = {"a": 0, "b": 1, "c": 2, "bc": 3, "ab": 4, "abc": 5}
    merges = [["b", "c"], ["a", "b"], ["a", "bc"]]
    spec = json.loads(Tokenizer(models.BPE(vocabulary, [("b", "c"), ("a", "b"), ("a", "bc")])).to_str())
    spec["model"]["merges"] = merges if style == "lists" else [" ".join(pair) for pair in merges]
    text = json.dumps(spec)
    assert json.loads(rewrite(text, (0, 1, 2, 3, 5)))["model"]["merges"] == [["b", "c"], ["a", "bc"]]
    with pytest.raises(ModelError, match="must be kept: '3'"):
        rewrite(text, (0, 1, 2, 5))


def test_a_piece_that_no_merge_makes_needs_no_other() -> None:
    bpe = models.BPE({"a": 0, "b": 1, "whole": 2}, [], ignore_merges=True)
    new = Tokenizer.from_str(rewrite(Tokenizer(bpe).to_str(), (2,)))
    assert new.encode("whole").ids == [0]


@pytest.mark.parametrize("keep", [(3, 4, 5, 6, 1), (1, 1, 3, 4, 5, 6), (3, 4, 5, 6, 7), (-1, 3, 4, 5, 6)])
def test_ids_must_be_ascending_and_of_the_tokenizer(keep: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="not a list of ids"):
        rewrite(letters().to_str(), keep)


def test_special_pieces_must_stay() -> None:
    with pytest.raises(ModelError, match=r"must be kept: '3, 5'"):
        rewrite(letters(TEMPLATE).to_str(), (0, 4, 6))


def test_a_piece_that_is_there_twice_is_refused() -> None:
    twice = Tokenizer(models.Unigram([(UNK, 0.0), ("a", -1.0), ("a", -2.0)], unk_id=0, byte_fallback=False))
    with pytest.raises(ModelError, match="numbers a piece otherwise: 'a, 2 for 1'"):
        rewrite(twice.to_str(), (0, 1, 2))
