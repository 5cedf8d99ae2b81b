"""Texts as pieces, tokenised once, and batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

Indices = NDArray[np.int64]
_CHUNK_BATCHES = 50  # batches shuffled together before sorting by length: random enough, little padding


class Batches(Protocol):
    """How one pass over texts is cut into batches of about `size` texts."""

    def __call__(self, lengths: Indices, *, size: int, seed: int) -> Iterator[Indices]:
        """Yield every index once."""


class Examples(Protocol):
    """What a model learns from, in batches."""

    @property
    def lengths(self) -> Indices:
        """What each example costs in a batch."""
        ...

    def batch(self, indices: Indices) -> tuple[Tensor, Tensor]:
        """Return the two tensors that a model takes; what is drawn by chance comes from torch's generator."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Tokens:
    """Piece ids of many texts, flat: text i is `ids[starts[i]:starts[i + 1]]`."""

    ids: NDArray[np.int32]
    starts: Indices
    pad_id: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Indices:
        """The number of pieces of each text."""
        return np.diff(self.starts)

    def take(self, indices: Indices) -> Tokens:
        """Return the texts with these indices."""
        rows = [self.ids[self.starts[index] : self.starts[index + 1]] for index in indices]
        return from_rows(rows, pad_id=self.pad_id)

    def batch(self, indices: Indices) -> tuple[Tensor, Tensor]:
        """Return ids and mask (batch, length), padded to the longest text chosen."""
        lengths = self.lengths[indices]
        ids = np.full((len(indices), int(lengths.max(initial=1))), self.pad_id, np.int64)
        for row, index in enumerate(indices):
            ids[row, : lengths[row]] = self.ids[self.starts[index] : self.starts[index + 1]]
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        return torch.from_numpy(ids), torch.from_numpy(mask)


def tokenize(tokenizer: Tokenizer, texts: Sequence[str], *, max_length: int, pad_id: int) -> Tokens:
    """Return the pieces of `texts`, special tokens included, cut to `max_length`."""
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    encodings = tokenizer.encode_batch(list(texts))
    return from_rows([np.asarray(encoding.ids, np.int32) for encoding in encodings], pad_id=pad_id)


def from_rows(rows: Sequence[NDArray[np.int32]], *, pad_id: int) -> Tokens:
    """Return the flat form of one array of piece ids a text."""
    starts = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    return Tokens(ids=np.concatenate(rows) if rows else np.zeros(0, np.int32), starts=starts, pad_id=pad_id)


def length_limit(tokenizer: Tokenizer, texts: Sequence[str], *, at_most: int) -> int:
    """Return a maximum length that cuts at most 1 % of `texts`, a multiple of 8."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lengths = [len(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]
    wanted = int(np.quantile(lengths, 0.99)) if lengths else 8
    return min(at_most, max(16, -(-wanted // 8) * 8))


def shuffled_batches(lengths: Indices, *, size: int, seed: int) -> Iterator[Indices]:
    """Yield every index once, in batches of similar length and random order.

    >>> sorted(int(i) for batch in shuffled_batches(np.arange(10), size=4, seed=0) for i in batch)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    generator = np.random.default_rng(seed)
    batches: list[Indices] = []
    for chunk in _sorted_chunks(lengths, generator, size=size):
        batches.extend(chunk[first : first + size] for first in range(0, len(chunk), size))
    for position in generator.permutation(len(batches)):
        yield batches[position]


def paired_batches(lengths: Indices, *, size: int, seed: int) -> Iterator[Indices]:
    """Yield every index once, in batches as `shuffled_batches` has them, but none of a single one.

    Batch normalization has no statistics of a single picture.

    >>> sorted(len(batch) for batch in paired_batches(np.arange(9), size=4, seed=0))
    [4, 5]
    """
    batches = list(shuffled_batches(lengths, size=size, seed=seed))
    single = next((place for place, batch in enumerate(batches) if len(batch) == 1), None)
    if single is not None and len(batches) > 1:
        alone = batches.pop(single)
        batches[0] = np.concatenate([batches[0], alone])
    yield from batches


def capped_batches(lengths: Indices, *, size: int, seed: int) -> Iterator[Indices]:
    """Yield every index once, in batches of similar length, of at most `size` texts and the pieces of `size` mean ones.

    So long texts come few at a time, and no batch takes much memory. A text that is longer than the limit is a batch of
    its own.

    >>> lengths = np.array([2] * 6 + [6] * 2)
    >>> sorted(lengths[batch].tolist() for batch in capped_batches(lengths, size=4, seed=0))
    [[2, 2], [2, 2, 2, 2], [6, 6]]
    """
    generator = np.random.default_rng(seed)
    most = size * float(lengths.mean()) if len(lengths) else 0.0
    batches: list[Indices] = []
    for chunk in _sorted_chunks(lengths, generator, size=size):
        batches.extend(limited_batches(chunk, lengths, size=size, most=most))
    for position in generator.permutation(len(batches)):
        yield batches[position]


def limited_batches(order: Indices, lengths: Indices, *, size: int, most: float) -> Iterator[Indices]:
    """Yield the indices of `order`, shortest first, in batches of at most `size` texts and `most` pieces with padding.

    >>> [batch.tolist() for batch in limited_batches(np.arange(4), np.array([1, 2, 2, 9]), size=8, most=6)]
    [[0, 1, 2], [3]]
    """
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or end - start == size or (end - start + 1) * lengths[order[end]] > most:
            yield order[start:end]
            start = end


def _sorted_chunks(lengths: Indices, generator: np.random.Generator, *, size: int) -> Iterator[Indices]:
    """Yield every index once, in random chunks of 50 batches that are sorted by length."""
    order = generator.permutation(len(lengths))
    for start in range(0, len(order), size * _CHUNK_BATCHES):
        chunk = order[start : start + size * _CHUNK_BATCHES]
        yield chunk[np.argsort(lengths[chunk], kind="stable")]


def sorted_batches(lengths: Indices, *, size: int) -> Iterator[Indices]:
    """Yield every index once, in batches of similar length, shortest first: for evaluation."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size]
