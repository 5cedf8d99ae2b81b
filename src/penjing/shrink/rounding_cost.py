"""What rounding a weight costs: a guess of the loss that a language model gains, layer by layer, before it is tried.

By the second order of the loss, the change d of a weight between input j and output i costs half its curvature times
d squared. The curvature is taken as the Fisher information, and that of a layer as the product of two vectors: the mean
square of its inputs (over pieces), and of the loss's gradient by its outputs.
Sources: LeCun, Denker and Solla 1990, "Optimal Brain Damage"; Martens and Grosse 2015, "Optimizing Neural Networks with
Kronecker-factored Approximate Curvature" (of which these are the diagonals).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from penjing.train.batches import sorted_batches
from penjing.train.causal import hidden_states, piece_nats, scored_mask
from penjing.train.device import Device
from penjing.train.windows import Windows

Floats = NDArray[np.float32]
_BATCH = 4


@dataclass(frozen=True)
class Curvature:
    """Of one layer: the mean square of each input, and that of the gradient by each output, in nats squared."""

    inputs: Floats
    outputs: Floats

    def cost(self, change: Floats) -> float:
        """Return the nats that a piece gains by a `change` of the weights (outputs, inputs)."""
        return float(0.5 * self.outputs @ np.square(change) @ self.inputs)


def curvatures(
    model: Any,
    modules: Sequence[str],
    windows: Windows,
    *,
    device: Device,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Mapping[str, Curvature]:
    """Return the curvature of each of the linear layers `modules` of the language model, on all of `windows`."""
    model.to(device.name).eval().requires_grad_(False)
    linear = dict(model.named_modules())
    sums = {name: _Sums(linear[name]) for name in modules}
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    flowing = embeddings.register_forward_hook(lambda module, given, found: found.requires_grad_())
    pieces = done = 0
    try:
        for indices in sorted_batches(windows.tokens.lengths, size=_BATCH):
            ids, mask = windows.tokens.batch(indices)
            scored = scored_mask(windows, indices, mask)
            ids, mask, scored = (tensor.to(device.name) for tensor in (ids, mask, scored))
            for found in sums.values():
                found.mask = mask
            loss = piece_nats(head, hidden_states(model, ids, mask), ids, scored).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            pieces += int(mask.sum())
            done += len(indices)
            progress(done, len(windows))
    finally:
        flowing.remove()
        for found in sums.values():
            found.close()
    return {name: found.curvature(pieces) for name, found in sums.items()}


class _Sums:
    """Adds up squares of what goes into a layer, and of the gradients of what comes out."""

    def __init__(self, layer: nn.Module) -> None:
        self.mask: Tensor | None = None
        self._inputs: Tensor | float = 0.0
        self._outputs: Tensor | float = 0.0
        self._hook = layer.register_forward_hook(self._seen)

    def _seen(self, layer: nn.Module, given: tuple[Tensor, ...], found: Tensor) -> None:
        flat = given[0].detach() if self._is_flat(given[0]) else given[0].detach()[self.mask]
        self._inputs = self._inputs + flat.double().square().sum(0)
        found.register_hook(self._felt)  # type: ignore[no-untyped-call]

    def _felt(self, gradient: Tensor) -> None:
        self._outputs = self._outputs + gradient.double().flatten(0, -2).square().sum(0)

    def _is_flat(self, given: Tensor) -> bool:
        return given.ndim == 2  # the head sees scored pieces alone

    def curvature(self, pieces: int) -> Curvature:
        """Return the means over `pieces`."""
        inputs, outputs = (np.asarray(torch.as_tensor(sums).cpu()) / pieces for sums in (self._inputs, self._outputs))
        return Curvature(inputs.astype(np.float32), outputs.astype(np.float32))

    def close(self) -> None:
        """Watch no longer."""
        self._hook.remove()
