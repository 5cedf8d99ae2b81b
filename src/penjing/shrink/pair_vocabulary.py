"""Vocabulary trim of a model that translates: it keeps the pieces that a pair of languages needs.

A model of many languages spends most of its embeddings on the others. Texts whose pieces are kept are read and written
as before (shrink/tokenizer).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn

from penjing.shrink.tokenizer import choose_pieces, count_pieces, rewrite
from penjing.train.piece_table import PieceTable

SPECIAL = ("pad_token_id", "eos_token_id", "bos_token_id", "decoder_start_token_id", "forced_eos_token_id")
"""Fields of a config that name pieces by their numbers."""


def trim_to_pair(
    table: PieceTable,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    special: Iterable[int],
    size: int | None = None,
) -> tuple[PieceTable, list[int]]:
    """Return the table without the pieces that the pair does not need, and the numbers of those that stay, ascending.

    `sources` and `targets` are the training split's; `special` are the numbers that the model's config names; `size` is
    about how many pieces each side keeps, and without it as many as `choose_pieces` finds.

    Raises:
        ModelError: a tokenizer is not BPE or Unigram.
    """
    spelling = table.spelling
    if spelling.source is spelling.target:
        source = target = _trimmed(spelling.source, [*sources, *targets], size)
    else:
        source, target = _trimmed(spelling.source, sources, size), _trimmed(spelling.target, targets, size)
    wanted = {
        *source.get_vocab(), *target.get_vocab(), *spelling.prefix, *spelling.suffix, *spelling.begin,
        table.start, table.end, table.unknown, *(table.names[number] for number in special),
    }  # fmt: skip
    kept = [number for number, name in enumerate(table.names) if name in wanted]
    names = tuple(table.names[number] for number in kept)
    return replace(table, spelling=replace(spelling, source=source, target=target), names=names), kept


def keep_rows(model: Any, kept: Sequence[int]) -> None:
    """Leave a transformers checkpoint, whose embeddings are tied, with the pieces `kept`, numbered anew."""
    rows = torch.tensor(kept)
    numbers = {old: new for new, old in enumerate(kept)}
    words = model.model.shared
    with torch.no_grad():
        stored = nn.Parameter(words.weight[rows].clone())
        for table in {words, model.model.encoder.embed_tokens, model.model.decoder.embed_tokens, model.lm_head}:
            table.weight = stored
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias = model.final_logits_bias[:, rows].clone()
    for table in {words, model.model.encoder.embed_tokens, model.model.decoder.embed_tokens}:
        table.num_embeddings = len(kept)
        table.padding_idx = None if table.padding_idx is None else numbers[table.padding_idx]
    model.lm_head.out_features = len(kept)
    config, generation = model.config, model.generation_config
    config.vocab_size = len(kept)
    if hasattr(config, "decoder_vocab_size"):
        config.decoder_vocab_size = len(kept)
    for place in (config, generation):
        for name in SPECIAL:
            value = getattr(place, name, None)
            if isinstance(value, list):
                setattr(place, name, [numbers[one] for one in value if one in numbers])
            elif value is not None:
                setattr(place, name, numbers.get(value))
    generation.bad_words_ids = None


def _trimmed(tokenizer: Tokenizer, texts: Sequence[str], size: int | None) -> Tokenizer:
    spec = tokenizer.to_str()
    kept = choose_pieces(spec, count_pieces(tokenizer, texts), texts, size=size)
    return Tokenizer.from_str(rewrite(spec, kept))
