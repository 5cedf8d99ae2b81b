"""Low-rank adaptation: a language model learns by small matrices beside its own, and forgets little.

Source: Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models"; peft puts the matrices in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from penjing.errors import MissingExtraError
from penjing.train.batches import Indices
from penjing.train.causal import hidden_states, piece_divergence, piece_nats, scored_mask
from penjing.train.device import Device
from penjing.train.gguf_layers import Layer
from penjing.train.loop import Progress, TrainResult, train
from penjing.train.pace import TrainPlan
from penjing.train.state import StateFile
from penjing.train.windows import Windows

_NAME = "default"
_ALPHA = 2.0  # what the product of the two matrices is multiplied by, times their rank

Floats = NDArray[np.float32]


class Adapted(nn.Module):
    """A language model of which the loop sees the adapter alone: its state is small, and its own weights stay."""

    def __init__(self, model: Any, adapter: Sequence[nn.Parameter]) -> None:
        super().__init__()
        self.adapter = nn.ParameterList(adapter)
        self.model = [model]  # in a list, so that its weights are not parameters of this

    def forward(self, ids: Tensor, mask: Tensor, part: None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return states, ids and mask of a batch."""
        return hidden_states(self.model[0], ids, mask), ids, mask


@dataclass(frozen=True)
class Adapter:
    """What fine-tuning adds: for each tensor of the file, by name, two matrices whose product is added."""

    pairs: Mapping[str, tuple[Floats, Floats]]
    """(rows, rank) and (rank, columns), rows in the file's order."""

    def added(self, tensor: str) -> Floats:
        """Return what is added to the weights of `tensor`."""
        up, down = self.pairs[tensor]
        return up @ down

    def write(self, path: Path) -> None:
        """Write it to a safetensors file."""
        parts = {f"{name}.{part}": pair[part] for name, pair in self.pairs.items() for part in (0, 1)}
        save_file({name: np.ascontiguousarray(values) for name, values in parts.items()}, path)

    @classmethod
    def read(cls, path: Path) -> Adapter:
        """Return what `write` wrote."""
        parts = load_file(path)
        names = dict.fromkeys(name.rpartition(".")[0] for name in parts)
        return cls({name: (parts[f"{name}.0"], parts[f"{name}.1"]) for name in names})


Criterion = Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor], Tensor]
"""The nats of each scored piece: of the head, states, ids and mask of a batch, and what is scored in it."""


def likelihood(head: nn.Module, states: Tensor, ids: Tensor, mask: Tensor, scored: Tensor) -> Tensor:
    """Learn the pieces themselves."""
    return piece_nats(head, states, ids, scored)


def divergence_from(teacher: Any) -> Criterion:
    """Learn what `teacher`, a model with the same pieces, makes of each piece (Hinton et al. 2015)."""
    teacher.eval().requires_grad_(False)
    teacher_head = teacher.get_output_embeddings()

    def criterion(head: nn.Module, states: Tensor, ids: Tensor, mask: Tensor, scored: Tensor) -> Tensor:
        teacher.to(ids.device)
        with torch.no_grad():
            theirs = hidden_states(teacher, ids, mask)
        return piece_divergence(head, states, teacher_head, theirs, scored)

    return criterion


def fine_tune(
    model: Any,
    layers: Sequence[Layer],
    windows: Windows,
    *,
    criterion: Criterion,
    rank: int,
    plan: TrainPlan,
    evaluate: Callable[[Any], float],
    device: Device,
    state_file: StateFile,
    report: Callable[[Progress], None],
    judged: int,
) -> tuple[Adapter, TrainResult]:
    """Teach `model` the scored pieces of `windows` by `criterion`, through adapters of `rank` beside `layers`.

    The best of what `evaluate` saw (more is better) is returned; it is called `judged` windows long.

    Raises:
        ModelError: training diverges.
        MissingExtraError: peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise MissingExtraError("peft", extra="generate") from None
    settings = LoraConfig(
        r=rank, lora_alpha=round(_ALPHA * rank), target_modules=[layer.module for layer in layers], lora_dropout=0.0
    )
    model.to(device.name)
    inject_adapter_in_model(settings, model, adapter_name=_NAME)
    adapted = Adapted(model, [value for value in model.parameters() if value.requires_grad])
    head = model.get_output_embeddings()

    def loss(output: tuple[Tensor, Tensor, Tensor], indices: Indices) -> Tensor:
        states, ids, mask = output
        scored = scored_mask(windows, indices, mask.cpu()).to(ids.device)
        return criterion(head, states, ids, mask, scored).mean()

    result = train(
        adapted,
        tokens=windows.tokens,
        loss=loss,
        evaluate=lambda _: evaluate(model),
        plan=plan,
        device=device,
        state_file=state_file,
        report=report,
        judged_texts=judged,
    )
    return _adapter(model, layers), result


def _adapter(model: Any, layers: Sequence[Layer]) -> Adapter:
    modules = dict(model.named_modules())
    found = {}
    for layer in layers:
        module = modules[layer.module]
        down, up = (side[_NAME].weight.detach().cpu().numpy() for side in (module.lora_A, module.lora_B))
        found[layer.tensor] = (layer.to_file(up * np.float32(module.scaling[_NAME])), down)
    return Adapter(found)
