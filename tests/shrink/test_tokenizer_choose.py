from __future__ import annotations

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from penjing.errors import ModelError
from penjing.shrink.tokenizer import choose, choose_pieces, count_pieces, rewrite
from penjing.shrink.tokenizer.scripts import script_of, script_shares, scripts_of
from tests.shrink.small_tokenizers import KINDS, SENTENCES, UNK

CHINESE = [sentence for sentence in SENTENCES if "盆" in sentence]
ENGLISH = [sentence for sentence in SENTENCES if "land" in sentence]


def chosen(tokenizer: Tokenizer, texts: list[str], *, size: int | None = None) -> set[str]:
    keep = choose_pieces(tokenizer.to_str(), count_pieces(tokenizer, texts), texts, size=size)
    assert list(keep) == sorted(set(keep))
    return {tokenizer.id_to_token(one) for one in keep}


def word_tokenizer(*pieces: str) -> Tokenizer:
    vocabulary = {piece: number for number, piece in enumerate((UNK, *pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNK))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def test_counts_are_by_id_without_special_pieces_and_without_truncation() -> None:
    tokenizer = word_tokenizer("a", "b", "##b")
    tokenizer.enable_truncation(2)
    counts = count_pieces(tokenizer, ["a b ab ab", "a"])
    assert counts.tolist() == [0, 4, 1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_of_the_texts_and_special_pieces_stay(kind: str) -> None:
    tokenizer = KINDS[kind]()
    used = {piece for text in CHINESE for piece in tokenizer.encode(text).tokens}
    assert chosen(tokenizer, CHINESE) >= used | {"[PAD]", "[CLS]", "[SEP]"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_chosen_can_be_rewritten_at_every_size(kind: str) -> None:
    tokenizer = KINDS[kind]()
    counts = count_pieces(tokenizer, ENGLISH)
    previous: set[int] = set()
    for size in (1, 60, 120, 1000):
        keep = choose_pieces(tokenizer.to_str(), counts, ENGLISH, size=size)
        assert Tokenizer.from_str(rewrite(tokenizer.to_str(), keep)).get_vocab_size() == len(keep)
        assert len(previous) <= len(keep)
        previous = set(keep)


def test_characters_of_the_texts_scripts_stay_in_both_forms_and_others_go() -> None:
    tokenizer = word_tokenizer("pot", "q", "##q", "盆", "##盆", "Я", "7", "!", "p", "o", "t")
    assert chosen(tokenizer, ["pot pot"]) == {UNK, "pot", "q", "##q", "7", "!", "p", "o", "t"}


def test_a_stray_letter_does_not_bring_its_script() -> None:
    tokenizer = word_tokenizer("pot", "Я", "Ю")
    assert chosen(tokenizer, ["pot"] * 1000 + ["Я"]) == {UNK, "pot", "Я"}


def test_frequent_pieces_are_half_as_many_as_those_of_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "FEWEST_FREQUENT", 0)
    tokenizer = word_tokenizer("[unused1]", "the", "of", "slow", "rare", "он")
    assert chosen(tokenizer, ["slow rare"]) == {UNK, "slow", "rare", "the"}


def test_few_texts_leave_more_frequent_pieces() -> None:
    tokenizer = word_tokenizer("[unused1]", "the", "of", "slow", "rare", "он")
    assert chosen(tokenizer, ["slow rare"]) == {UNK, "slow", "rare", "the", "of"}


def test_frequent_pieces_are_shared_out_by_script() -> None:
    words, signs = [f"word{'abcdefghij'[n]}" for n in range(10)], [f"山{'一二三四五'[n]}" for n in range(5)]
    tokenizer = word_tokenizer("x", "山水", *words, *signs)
    texts = ["山水 山水 x"]  # four characters of five are Chinese
    more = chosen(tokenizer, texts, size=8) - {UNK, "x", "山水"}
    assert more == {"worda", *signs[:4]}


def test_a_small_size_keeps_the_frequent_pieces_and_all_characters() -> None:
    tokenizer = word_tokenizer("often", "once", *"oftenc")
    assert chosen(tokenizer, ["often often once"], size=8) == {UNK, *"oftenc", "often"}
    assert chosen(tokenizer, ["often often once"], size=1) == {UNK, *"oftenc"}


def test_added_tokens_outside_the_vocabulary_stay_and_are_renumbered() -> None:
    tokenizer = word_tokenizer("a", "он", "b")
    tokenizer.add_tokens([AddedToken("<user>", special=True)])
    keep = choose_pieces(tokenizer.to_str(), count_pieces(tokenizer, ["a b"]), ["a b"])
    assert keep == (0, 1, 3, 4)
    assert Tokenizer.from_str(rewrite(tokenizer.to_str(), keep)).encode("a<user>b").ids == [1, 3, 2]


def test_all_bytes_stay() -> None:
    tokenizer = KINDS["BPE of bytes"]()
    assert chosen(tokenizer, ["pot"]) >= set(pre_tokenizers.ByteLevel.alphabet())


def test_fallback_bytes_stay() -> None:
    pieces = [(UNK, 0.0), ("a", -1.0), ("я", -1.0), *((f"<0x{byte:02X}>", -9.0) for byte in range(256))]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    keep = choose_pieces(tokenizer.to_str(), count_pieces(tokenizer, ["a"]), ["a"])
    assert keep == (0, 1, *range(3, 259))
    assert len(Tokenizer.from_str(rewrite(tokenizer.to_str(), keep)).encode("я").ids) == 2


def test_word_level_is_refused() -> None:
    tokenizer = Tokenizer(models.WordLevel({UNK: 0}, unk_token=UNK))
    with pytest.raises(ModelError, match="cannot be trimmed: 'WordLevel'"):
        choose_pieces(tokenizer.to_str(), np.zeros(1, np.int64), ["a"])


@pytest.mark.parametrize("text", ["", "{}", "[1", '{"version": "1.0", "model": {"type": "None"}}'])
def test_what_is_not_a_tokenizer_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        choose_pieces(text, [], ["a"])


@pytest.mark.parametrize(
    ("character", "script"),
    [("A", "LATIN"), ("Ａ", "LATIN"), ("盆", "CJK"), ("々", "CJK"), ("の", "HIRAGANA"), ("ｱ", "KATAKANA"),
     ("한", "HANGUL"), ("я", "CYRILLIC"), ("ा", "DEVANAGARI"), ("3", "COMMON"), ("٣", "ARABIC"),
     ("。", "COMMON"), ("\u0301", "COMMON"), ("🪴", "COMMON"), ("\x00", "COMMON")],
)  # fmt: skip
def test_scripts_of_characters(character: str, script: str) -> None:
    assert script_of(character) == script


def test_shares_are_of_characters_without_spaces() -> None:
    assert script_shares(["ab  盆!"]) == {"LATIN": 0.5, "CJK": 0.25, "COMMON": 0.25}
    assert script_shares([]) == {"COMMON": 0.0}
    assert scripts_of("a!") == {"LATIN"}
