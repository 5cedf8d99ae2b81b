"""Language models in PyTorch, read from GGUF files by transformers: what they make of a text, piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from penjing.errors import MissingExtraError, ModelError
from penjing.measure.bits import Surprise
from penjing.train.batches import sorted_batches
from penjing.train.device import Device
from penjing.train.windows import Windows

_LOGITS_AT_ONCE = 256  # positions: a vocabulary of 262,144 pieces takes a megabyte each
_BATCH = 8


def load_causal(path: Path) -> Any:
    """Return the model in the GGUF file at `path` in float32, as a transformers model that writes text.

    Raises:
        ModelError: transformers does not know this kind of model.
        MissingExtraError: transformers, or what it reads GGUF with, is not installed.
    """
    try:
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError(error.name or "transformers", extra="generate") from None
    logging.disable_progress_bar()
    try:
        with redirect_stderr(StringIO()):  # a bar of its own that cannot be switched off
            model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    except ImportError as error:
        raise MissingExtraError(error.name or "gguf", extra="generate") from error
    except (ValueError, NotImplementedError) as error:
        raise ModelError("transformers cannot read this GGUF file", value=str(path), rule=str(error)) from None
    return model.eval()


def hidden_states(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Return the states (batch, length, width) from which the next piece is told."""
    states: Tensor = model.base_model(input_ids=ids, attention_mask=mask.long(), use_cache=False).last_hidden_state
    return states


def piece_nats(head: nn.Module, states: Tensor, ids: Tensor, scored: Tensor) -> Tensor:
    """Return -log p of each scored piece, in the order of `scored` (batch, length), which marks them."""
    targets = ids[:, 1:][scored[:, 1:]]
    before = states[:, :-1][scored[:, 1:]]
    found = [
        functional.cross_entropy(head(some).float(), wanted, reduction="none")
        for some, wanted in zip(
            torch.split(before, _LOGITS_AT_ONCE), torch.split(targets, _LOGITS_AT_ONCE), strict=True
        )
    ]
    return torch.cat(found) if found else before.new_zeros(0)


def piece_divergence(
    head: nn.Module, states: Tensor, teacher_head: nn.Module, teacher_states: Tensor, scored: Tensor
) -> Tensor:
    """Return how far what is told of each scored piece is from the teacher's, KL(teacher || model), in nats."""
    pairs = [torch.split(found[:, :-1][scored[:, 1:]], _LOGITS_AT_ONCE) for found in (states, teacher_states)]
    found = []
    for some, theirs in zip(*pairs, strict=True):
        with torch.no_grad():
            target = functional.log_softmax(teacher_head(theirs).float(), dim=-1)
        told = functional.log_softmax(head(some).float(), dim=-1)
        found.append(functional.kl_div(told, target, log_target=True, reduction="none").sum(-1))
    return torch.cat(found) if found else states.new_zeros(0)


def scored_mask(windows: Windows, indices: Any, mask: Tensor) -> Tensor:
    """Return which pieces of a batch are scored, (batch, length)."""
    starts = torch.from_numpy(windows.scored_from[indices])[:, None]
    return mask & (torch.arange(mask.shape[1]) >= starts)


def surprise(
    model: Any,
    windows: Windows,
    *,
    device: Device,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Surprise:
    """Return what the model makes of each passage of `windows`."""
    model.to(device.name).eval()
    head = model.get_output_embeddings()
    nats = np.zeros(len(windows.n_bytes))
    done = 0
    with torch.inference_mode():
        for indices in sorted_batches(windows.tokens.lengths, size=_BATCH):
            ids, mask = windows.tokens.batch(indices)
            scored = scored_mask(windows, indices, mask)
            ids, mask = ids.to(device.name), mask.to(device.name)
            found = piece_nats(head, hidden_states(model, ids, mask), ids, scored.to(device.name)).double().cpu()
            rows = np.repeat(windows.passage[indices], scored[:, 1:].sum(1).numpy())
            np.add.at(nats, rows, found.numpy())
            done += len(indices)
            progress(done, len(windows))
    return Surprise(nats, windows.n_bytes)
