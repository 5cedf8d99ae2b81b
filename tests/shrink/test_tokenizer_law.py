"""The law of the trim: text whose pieces are all kept is read as before."""

from __future__ import annotations

import functools
import json
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from penjing.errors import ModelError
from penjing.shrink.tokenizer import check_identity, rewrite
from penjing.shrink.tokenizer.file import TokenizerFile, read_tokenizer
from tests.shrink.small_tokenizers import KINDS, SENTENCES, UNK

CHARACTERS = sorted({*chain.from_iterable(SENTENCES), *"xyzQ7é鹰?"})
WORDS = sorted({word for sentence in SENTENCES for word in sentence.split()})
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(CHARACTERS, max_size=6)), max_size=8).map(" ".join)


@functools.cache
def tokenizer(kind: str) -> Tokenizer:
    return KINDS[kind]()


@functools.cache
def parsed(kind: str) -> TokenizerFile:
    return read_tokenizer(tokenizer(kind).to_str())


def closed(file: TokenizerFile, ids: set[int]) -> list[int]:
    return sorted(set(file.required()).union(*(file.model.support(one) for one in ids)))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(kept_texts=st.lists(TEXTS, min_size=1, max_size=3), other=TEXTS, data=st.data())
def test_text_whose_pieces_are_kept_is_read_as_before(
    kind: str, kept_texts: list[str], other: str, data: st.DataObject
) -> None:
    old, file = tokenizer(kind), parsed(kind)
    more = data.draw(st.sets(st.sampled_from(sorted(file.model.pieces)), max_size=40))
    used = set(chain.from_iterable(old.encode(text).ids for text in kept_texts))
    keep = closed(file, used | more)
    new = Tokenizer.from_str(rewrite(old.to_str(), keep))

    for text in kept_texts:
        before, after = old.encode(text), new.encode(text)
        if kind != "WordPiece" or old.token_to_id("[UNK]") not in before.ids:
            assert after.tokens == before.tokens
            assert [keep[one] for one in after.ids] == before.ids
    report = check_identity(old, new, keep, [*kept_texts, other])
    assert report.unchanged + report.changed == len(kept_texts) + 1
    assert new.get_vocab_size() == len(keep)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(text=TEXTS)
def test_keeping_everything_changes_nothing(kind: str, text: str) -> None:
    old, file = tokenizer(kind), parsed(kind)
    new = Tokenizer.from_str(rewrite(old.to_str(), range(file.size())))
    assert new.encode(text).ids == old.encode(text).ids


def test_a_piece_brings_its_merge_tree() -> None:
    file = parsed("BPE")
    pieces = file.model.pieces
    longest = max(pieces, key=lambda one: len(pieces[one]))
    tree = {pieces[one] for one in file.model.support(longest)}
    assert set(pieces[longest]) <= tree
    assert len(tree) > len(set(pieces[longest])) + 1


def test_an_unknown_word_may_become_known_and_breaks_no_law() -> None:
    vocabulary = {"[UNK]": 0, "ab": 1, "a": 2, "##bc": 3}
    old = Tokenizer(models.WordPiece(vocabulary, unk_token=UNK))
    keep = (0, 2, 3)
    new = Tokenizer.from_str(rewrite(old.to_str(), keep))
    assert old.encode("abc").tokens == ["[UNK]"]
    assert new.encode("abc").tokens == ["a", "##bc"]
    report = check_identity(old, new, keep, ["abc", "a"])
    assert report.changed_indices == (0,)
    assert (report.unk_rate_before, report.unk_rate_after) == (0.5, 0.0)
    assert (report.mean_pieces_before, report.mean_pieces_after) == (1.0, 1.5)


def test_the_lowest_score_stays_because_unknown_characters_cost_by_it() -> None:
    pieces = [("[UNK]", 0.0), ("ab", -12.0), ("cd", -30.0), ("bcd", -1.0), ("a", -50.0)]
    old = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    assert old.encode("abcd").tokens == ["ab", "cd"]
    with pytest.raises(ModelError, match="must be kept: '4'"):
        rewrite(old.to_str(), (0, 1, 2, 3))
    without = Tokenizer(models.Unigram(pieces[:-1], unk_id=0, byte_fallback=False))
    assert without.encode("abcd").ids == [0, 3]  # unknown, bcd


def test_a_tokenizer_that_breaks_the_law_is_refused() -> None:
    old = tokenizer("WordPiece")
    keep = tuple(range(old.get_vocab_size()))
    spec = json.loads(rewrite(old.to_str(), keep))
    spec["normalizer"] = None
    with pytest.raises(ModelError, match=r"every piece of it was kept.*text 1"):
        check_identity(old, Tokenizer.from_str(json.dumps(spec)), keep, ["small pots", "SMALL pots"])


def test_no_texts_give_rates_of_zero() -> None:
    old = tokenizer("BPE")
    report = check_identity(old, old, range(old.get_vocab_size()), [])
    assert (report.texts, report.rate, report.unk_rate_before, report.mean_pieces_after) == (0, 0.0, 0.0, 0.0)


def test_truncation_and_padding_do_not_hide_changes() -> None:
    old = KINDS["WordPiece"]()
    old.enable_truncation(4)
    old.enable_padding(length=8)
    keep = tuple(one for one in range(old.get_vocab_size()) if one != old.token_to_id("pot"))
    new = Tokenizer.from_str(rewrite(old.to_str(), keep))
    assert check_identity(old, new, keep, [SENTENCES[0]]).changed == 1
    assert old.truncation is not None
