"""A Transformer that translates: from nothing, or from a checkpoint; what it learns from, and how it is judged.

A row is the pieces of a source and of its translation, one after the other, each with its end piece; for models of
many languages the language pieces are there as the checkpoint wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from penjing.errors import MissingExtraError
from penjing.shape import Shape
from penjing.train.batches import Indices, Tokens, capped_batches, from_rows, limited_batches
from penjing.train.device import Device
from penjing.train.loop import Loss, Progress, TrainResult, train
from penjing.train.pace import TrainPlan
from penjing.train.piece_table import PieceTable
from penjing.train.pieces import PAD
from penjing.train.state import StateFile

LABEL_SMOOTHING = 0.1
MOST_PIECES = 256  # of a source or a translation
_HEAD_WIDTH = 64
_ATTENTION = "eager"  # faster on a CPU than the fused one, which is made for long texts
_JUDGED_PIECES = 6000  # read at once where dev is judged


@dataclass(frozen=True)
class PairRows:
    """Source and translation of each pair in one row, and how many pieces of the row are the source's."""

    tokens: Tokens
    source_lengths: Indices


def pair_rows(table: PieceTable, pairs: Sequence[tuple[str, str]], *, pad: int) -> PairRows:
    """Return pairs as pieces, each side cut to 256 and ended."""
    sources = table.source_rows([source for source, _ in pairs], most=MOST_PIECES)
    targets = table.target_rows([target for _, target in pairs], most=MOST_PIECES)
    rows = [np.concatenate(both) for both in zip(sources, targets, strict=True)]
    return PairRows(from_rows(rows, pad_id=pad), np.array([len(row) for row in sources], np.int64))


def new_seq2seq(shape: Shape, table: PieceTable, *, plan: TrainPlan) -> Any:
    """Return a Transformer for the pieces of `table`: norms before each part and tied embeddings, as M2M-100 has them.

    Sources: Vaswani et al. 2017, "Attention Is All You Need"; Xiong et al. 2020, "On Layer Normalization in the
    Transformer Architecture" (norms first train without much warm-up).

    Raises:
        MissingExtraError: transformers is not installed.
    """
    try:
        from transformers import M2M100Config, M2M100ForConditionalGeneration
    except ImportError:
        raise MissingExtraError("transformers", extra="translate") from None
    _without_bars()
    torch.manual_seed(plan.seed)
    begin, end, pad = (table.names.index(name) for name in (table.start, table.end, PAD))
    heads = max(1, shape.width // _HEAD_WIDTH)
    config = M2M100Config(
        vocab_size=len(table.names),
        d_model=shape.width,
        encoder_layers=shape.encoder,
        decoder_layers=shape.decoder,
        encoder_ffn_dim=shape.neurons,
        decoder_ffn_dim=shape.neurons,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        dropout=plan.dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        max_position_embeddings=2 * MOST_PIECES,
        bos_token_id=begin,
        eos_token_id=end,
        pad_token_id=pad,
        decoder_start_token_id=begin,
        scale_embedding=True,
        tie_word_embeddings=True,
        attn_implementation=_ATTENTION,
    )
    model = M2M100ForConditionalGeneration(config)
    _initialise(model)
    return model


def _initialise(model: Any) -> None:
    """Draw the matrices as Glorot and Bengio 2010 do: with the library's narrower ones attention learns late."""
    for name, value in model.named_parameters():
        if value.ndim > 1 and not name.endswith(("shared.weight", "embed_tokens.weight", "lm_head.weight")):
            nn.init.xavier_uniform_(value)
    nn.init.normal_(model.model.shared.weight, 0.0, model.config.d_model**-0.5)


class PairModel(nn.Module):
    """A model that translates, as the loop sees it: a batch of rows in, the loss of each piece out."""

    def __init__(self, model: Any, rows: PairRows) -> None:
        super().__init__()
        self.model = model
        self._end, self._pad = model.config.eos_token_id, model.config.pad_token_id
        self._begin = model.config.decoder_start_token_id

    def forward(self, ids: Tensor, mask: Tensor, part: None = None) -> tuple[Tensor, Tensor]:
        """Return the logits (scored pieces, pieces) and the pieces that are right."""
        source, target = split_rows(ids, mask, end=self._end, pad=self._pad)
        begun = torch.cat([torch.full_like(target[:, :1], self._begin), target[:, :-1]], dim=1)
        base = self.model.model
        read = source != self._pad
        states = base.encoder(input_ids=source, attention_mask=read).last_hidden_state
        written = base.decoder(
            input_ids=begun, encoder_hidden_states=states, encoder_attention_mask=read, use_cache=False
        ).last_hidden_state
        scored = target != self._pad
        logits = self.model.lm_head(written[scored])
        bias = getattr(self.model, "final_logits_bias", None)
        return (logits if bias is None else logits + bias), target[scored]


def split_rows(ids: Tensor, mask: Tensor, *, end: int, pad: int) -> tuple[Tensor, Tensor]:
    """Return sources and translations (batch, length), padded, of rows (batch, length) that hold both.

    >>> split_rows(torch.tensor([[5, 2, 7, 8, 2], [5, 6, 2, 9, 2]]), torch.ones(2, 5, dtype=torch.bool), end=2, pad=3)
    (tensor([[5, 2, 3],
            [5, 6, 2]]), tensor([[7, 8, 2],
            [9, 2, 3]]))
    """
    lengths = (ids == end).int().argmax(dim=1) + 1
    totals = mask.sum(dim=1)
    places = torch.arange(ids.shape[1], device=ids.device)
    wide = int(lengths.max())
    source = torch.where(places[:wide] < lengths[:, None], ids[:, :wide], pad)
    long = int((totals - lengths).max())
    shifted = (lengths[:, None] + places[:long]).clamp(max=ids.shape[1] - 1)
    target = torch.where(places[:long] < (totals - lengths)[:, None], ids.gather(1, shifted), pad)
    return source, target


def loss_of(output: tuple[Tensor, Tensor], indices: Indices) -> Tensor:
    """Return the smoothed cross-entropy of a batch (Szegedy et al. 2016)."""
    logits, right = output
    return functional.cross_entropy(logits.float(), right, label_smoothing=LABEL_SMOOTHING)


def dev_nats(model: PairModel, rows: PairRows, *, device: Device) -> float:
    """Return the mean nats of a piece of the translations."""
    model.eval()
    total, count = 0.0, 0
    order = np.argsort(rows.tokens.lengths, kind="stable")
    with torch.no_grad():
        for batch in limited_batches(order, rows.tokens.lengths, size=_JUDGED_PIECES, most=_JUDGED_PIECES):
            ids, mask = (tensor.to(device.name) for tensor in rows.tokens.batch(batch))
            with device.autocast():
                logits, right = model(ids, mask)
            total += float(functional.cross_entropy(logits.float(), right, reduction="sum"))
            count += len(right)
    return total / count


def teach(
    model: Any,
    learned: PairRows,
    judged: PairRows,
    *,
    plan: TrainPlan,
    device: Device,
    state_file: StateFile,
    report: Callable[[Progress], None],
    loss: Loss,
) -> TrainResult:
    """Train `model` in place on pairs, and leave it as it was best on dev.

    Raises:
        ModelError: training diverges.
    """
    pair_model = PairModel(model, learned)
    return train(
        pair_model,
        tokens=learned.tokens,
        loss=loss,
        evaluate=lambda present: -dev_nats(present, judged, device=device),
        plan=plan,
        device=device,
        state_file=state_file,
        report=report,
        batches=capped_batches,
        judged_texts=len(judged.tokens),
    )


def save_seq2seq(model: Any, folder: Path) -> None:
    """Write the checkpoint: config.json and model.safetensors."""
    model.save_pretrained(folder, safe_serialization=True)


def load_seq2seq(folder: Path, *, dropout: float = 0.0) -> Any:
    """Return the model of a checkpoint in float32, which leaves out a share of its activations while it learns."""
    from transformers import AutoModelForSeq2SeqLM

    _without_bars()
    return AutoModelForSeq2SeqLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, dropout=dropout, attn_implementation=_ATTENTION
    )


def _without_bars() -> None:
    """Keep the library from drawing bars of its own between ours."""
    from transformers.utils import logging

    logging.disable_progress_bar()
