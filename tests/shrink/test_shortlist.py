"""Which pieces a source may become: what comes beside it in translations, and what may always come."""

import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.engines.translate.shortlist import SHORTLIST, read_shortlist, write_shortlist
from penjing.engines.translate.spelling import Spelling
from penjing.errors import BundleError
from penjing.shrink.shortlist import shortlist
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


def test_what_hardly_ever_came_of_a_word_is_left_out() -> None:
    found = shortlist(pair_rows(TABLE, sentences(), pad=0), pieces=len(NAMES))
    for word, translation in WORDS.items():
        assert {NAMES[piece] for piece in found[NAMES.index(f"▁{word}")]} == {translation, "▁"}


ROWS = st.lists(st.sets(st.integers(0, 40), max_size=9), min_size=2, max_size=42)


@given(ROWS)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[set[int]]) -> None:
    path = tmp_path_factory.mktemp("made") / SHORTLIST
    names = [f"p{number}" for number in range(41)]
    rows += [set()] * (42 - len(rows))
    write_shortlist(path, [sorted(row, reverse=True) for row in rows])
    expected = [
        f"{name}\t{' '.join(names[number] for number in sorted(row))}"
        for name, row in zip(["", *names], rows, strict=True)
        if row
    ]
    assert read_shortlist(path, names).splitlines() == (expected or [""])


@pytest.mark.parametrize("names", [["a"] * 5, ["a"] * 2])
def test_a_shortlist_of_other_pieces_is_refused(tmp_path: Path, names: list[str]) -> None:
    write_shortlist(tmp_path / SHORTLIST, [[0, 3], [1], [2], [0]])
    with pytest.raises(BundleError, match="the shortlist"):
        read_shortlist(tmp_path / SHORTLIST, names)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_a_damaged_shortlist_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, place: int, put: bytes
) -> None:
    path = tmp_path_factory.mktemp("made") / SHORTLIST
    write_shortlist(path, [[0, 3], [1], [2], [0], [3]])
    whole = bytearray(path.read_bytes())
    place %= len(whole)
    whole[place : place + len(put)] = put
    path.write_bytes(whole)
    with suppress(BundleError):
        assert read_shortlist(path, ["a", "b", "c", "d"]).endswith("\n")


def test_any_number_of_pieces_can_be_packed(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(70_001)]
    write_shortlist(tmp_path / SHORTLIST, [range(66_000), [70_000], *[[]] * 70_000])
    first, second = read_shortlist(tmp_path / SHORTLIST, names).splitlines()
    assert (first.count(" "), second) == (65_999, "p0\tp70000")


def test_a_small_file_cannot_become_a_large_text(tmp_path: Path) -> None:
    names = ["a" * 2000, *"bcdefgh"]
    write_shortlist(tmp_path / SHORTLIST, [[0, 1]] * 9)
    assert len(read_shortlist(tmp_path / SHORTLIST, names)) < 64_000
    with pytest.raises(BundleError, match="too large"):
        read_shortlist(tmp_path / SHORTLIST, ["a" * 10_000_000, *"bcdefgh"])


def test_more_rows_than_pieces_are_refused_before_they_are_made(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / SHORTLIST, counts=np.zeros(20_000_000, np.uint8), steps=np.zeros(0, np.uint8))
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="other pieces"):
            read_shortlist(tmp_path / SHORTLIST, ["a", "b"])
        assert tracemalloc.get_traced_memory()[1] < 500_000_000
    finally:
        tracemalloc.stop()


def test_a_piece_that_comes_twice_in_a_row_is_damage(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / SHORTLIST, counts=np.array([3, 0, 0], np.uint16), steps=np.zeros(3, np.uint16))
    with pytest.raises(BundleError, match="twice"):
        read_shortlist(tmp_path / SHORTLIST, ["a", "b"])
