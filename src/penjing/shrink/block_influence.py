"""How much each block of a language model changes what passes through it; those that change least can go first.

Source: Men et al. 2024, "ShortGPT: Layers in Large Language Models are More Redundant Than You Expect".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from penjing.train.batches import sorted_batches
from penjing.train.causal import hidden_states
from penjing.train.device import Device
from penjing.train.windows import Windows

_BATCH = 8


def block_influences(model: Any, windows: Windows, *, device: Device) -> NDArray[np.float64]:
    """Return for each block one minus the cosine between a piece's state before and after it, mean over `windows`."""
    model.to(device.name).eval()
    blocks = model.base_model.layers
    sums, pieces = np.zeros(len(blocks)), 0
    masks: list[Tensor] = []
    hooks = [block.register_forward_hook(_adding(sums, place, masks)) for place, block in enumerate(blocks)]
    try:
        with torch.inference_mode():
            for indices in sorted_batches(windows.tokens.lengths, size=_BATCH):
                ids, mask = (tensor.to(device.name) for tensor in windows.tokens.batch(indices))
                masks[:] = [mask]
                hidden_states(model, ids, mask)
                pieces += int(mask.sum())
    finally:
        for hook in hooks:
            hook.remove()
    return 1 - sums / pieces


def _adding(
    sums: NDArray[np.float64], place: int, masks: Sequence[Tensor]
) -> Callable[[nn.Module, tuple[Tensor, ...], Any], None]:
    def seen(block: nn.Module, given: tuple[Tensor, ...], found: Any) -> None:
        after = found[0] if isinstance(found, tuple) else found
        alike = functional.cosine_similarity(given[0].float(), after.float(), dim=-1)
        sums[place] += float(alike[masks[0]].sum())

    return seen
