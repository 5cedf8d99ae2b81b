"""Which pieces a source may become: what comes beside it in translations, and what may always come."""

from collections import Counter

from penjing.engines.translate.spelling import Spelling
from penjing.shrink.shortlist import mapping_text, shortlist
from penjing.train.piece_table import PieceTable
from penjing.train.pieces import END, PAD, tokenizer_of
from penjing.train.seq2seq import pair_rows

WORDS = {"red": "红", "old": "旧", "big": "大", "file": "件", "open": "开"}
PIECES = [*((name, 0.0) for name in (PAD, "<unk>", "<s>", END)), *((f"▁{word}", -2.0) for word in WORDS), ("▁", -9.0),
          *((word, -3.0) for word in WORDS.values())]  # fmt: skip
TOKENIZER = tokenizer_of(PIECES)
NAMES = tuple(str(TOKENIZER.id_to_token(number)) for number in range(len(PIECES)))
TABLE = PieceTable(Spelling(TOKENIZER, TOKENIZER, suffix=(END,)), NAMES, "<s>", END, "<unk>")


def sentences() -> list[tuple[str, str]]:
    """Return every pair of words that differ, with their translations in the other order."""
    return [(f"{one} {other}", WORDS[other] + WORDS[one]) for one in WORDS for other in WORDS if one != other]


def test_a_word_s_translation_comes_first() -> None:
    found = shortlist(pair_rows(TABLE, sentences(), pad=0), pieces=len(NAMES))
    for word, translation in WORDS.items():
        assert NAMES[found[NAMES.index(f"▁{word}")][0]] == translation


def test_what_may_always_come_is_written_once() -> None:
    lines = mapping_text({-1: [9], 4: [10, 9, 11], 5: [9]}, NAMES).splitlines()
    always = lines[0].removeprefix("\t").split(" ")
    assert always == [PAD, "<unk>", "<s>", END, NAMES[9]]
    assert lines[1:] == [f"{NAMES[4]}\t{NAMES[10]} {NAMES[11]}"]
    assert set(Counter(" ".join(lines).split()).values()) == {1}
