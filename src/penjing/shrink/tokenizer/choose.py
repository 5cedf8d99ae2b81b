"""Which pieces stay when a vocabulary is trimmed to a task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from penjing.shrink.tokenizer.file import TokenizerFile, read_tokenizer
from penjing.shrink.tokenizer.identity import encode, unlimited
from penjing.shrink.tokenizer.scripts import COMMON, script_shares, scripts_of

FREQUENT_SHARE = 0.5
"""Frequent pieces kept beside those of the training texts, as a share of them, where no size is asked."""
FEWEST_FREQUENT = 8_000
"""So many are kept where the training texts have few pieces: what comes later will have others."""

_PLACEHOLDER = re.compile(r"[\[<]unused_?\d+[\]>]|madeupword\d+")


def count_pieces(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return how often each piece occurs in `texts`, by id; truncation is ignored.

    Give the training split only: pieces chosen from dev or test texts would flatter the figures.
    """
    counts = np.zeros(_size(tokenizer), np.int64)
    for ids in encode(unlimited(tokenizer), texts, special=False):
        np.add.at(counts, ids, 1)
    return counts


def choose_pieces(
    tokenizer_json: str,
    counts: Sequence[int] | NDArray[np.int64],
    texts: Iterable[str],
    *,
    size: int | None = None,
) -> tuple[int, ...]:
    """Return the ids of the pieces to keep, ascending, so that a piece's rank is its new id.

    Taken in this order until there are `size` of them:

    1. what the tokenizer cannot do without: added tokens, the unknown piece, single bytes;
    2. the characters that the pieces of the texts are spelt with;
    3. the pieces that occur in the texts, most frequent first;
    4. every single character of the scripts of the texts, and punctuation, digits and symbols;
    5. the pieces that are frequent in the tokenizer's own order, shared out among the scripts of the texts
       as their characters are.

    1 and 2 are kept even where they are more than `size`. Without a `size` all of 1 to 4 are kept and of 5 half as many
    as of 3, or 8,000 where that is more. With a BPE piece the pieces of its merge tree are kept. `texts` are the
    training split's, as for `count_pieces`.

    Raises:
        ModelError: the tokenizer is not WordPiece, BPE or Unigram.
    """
    file = read_tokenizer(tokenizer_json)
    shares = script_shares(texts)
    surfaces = {piece_id: file.model.surface(piece_id) for piece_id in file.model.pieces}
    occurring = _occurring(file, counts)
    kept = _closed(file, file.required())
    kept |= _closed(file, _characters(surfaces, _spelling(surfaces, occurring)))
    characters = _characters(surfaces, _of_scripts(surfaces, shares))
    frequent: Iterable[int] = _frequent(file, surfaces, shares, excluded={*kept, *occurring, *characters})
    if size is None:
        frequent = islice(frequent, max(FEWEST_FREQUENT, int(len(occurring) * FREQUENT_SHARE)))
    for piece_id in chain(occurring, characters, frequent):
        more = file.model.support(piece_id) - kept
        if size is None or len(kept) + len(more) <= size:
            kept |= more
    return tuple(sorted(kept))


def _size(tokenizer: Tokenizer) -> int:
    return max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def _occurring(file: TokenizerFile, counts: Sequence[int] | NDArray[np.int64]) -> list[int]:
    seen = [piece_id for piece_id in file.model.pieces if piece_id < len(counts) and counts[piece_id] > 0]
    return sorted(seen, key=lambda piece_id: (-int(counts[piece_id]), piece_id))


def _closed(file: TokenizerFile, piece_ids: Iterable[int]) -> set[int]:
    in_model = file.model.pieces
    supports = (file.model.support(one) if one in in_model else {one} for one in piece_ids)
    return set(chain.from_iterable(supports))


def _spelling(surfaces: Mapping[int, str], occurring: Sequence[int]) -> set[str]:
    return set(chain.from_iterable(surfaces[piece_id] for piece_id in occurring))


def _of_scripts(surfaces: Mapping[int, str], shares: Container[str]) -> set[str]:
    characters = set(chain.from_iterable(surfaces.values()))
    return {character for character in characters if all(script in shares for script in scripts_of(character))}


def _characters(surfaces: Mapping[int, str], wanted: Container[str]) -> list[int]:
    return [piece_id for piece_id, surface in surfaces.items() if len(surface) == 1 and surface in wanted]


def _frequent(
    file: TokenizerFile, surfaces: Mapping[int, str], shares: Mapping[str, float], *, excluded: Container[int]
) -> Iterator[int]:
    """Yield the other pieces, each script in turn as often as its share says (weighted fair queueing)."""
    turns: Counter[str] = Counter()
    queue: list[tuple[float, int]] = []
    for piece_id in file.model.by_frequency():
        scripts = scripts_of(surfaces[piece_id])
        usable = scripts and all(shares.get(script, 0) > 0 for script in scripts)
        if usable and piece_id not in excluded and not _PLACEHOLDER.fullmatch(file.model.pieces[piece_id]):
            script = min(scripts, key=lambda one: (shares[one], one == COMMON, one))
            turns[script] += 1
            queue.append((turns[script] / shares[script], piece_id))
    yield from (piece_id for _, piece_id in sorted(queue))
