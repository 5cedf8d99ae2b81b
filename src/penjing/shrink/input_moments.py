"""Second moments of what goes into the linear layers of a language model: which errors of weights show in outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from penjing.train.batches import sorted_batches
from penjing.train.causal import hidden_states
from penjing.train.device import Device
from penjing.train.windows import Windows

Floats = NDArray[np.float32]
_BATCH = 8


def input_moments(
    model: Any,
    modules: Sequence[str],
    windows: Windows,
    *,
    device: Device,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Mapping[str, Floats]:
    """Return the mean product of each two inputs, (inputs, inputs), of each of `modules`, over the pieces of `windows`.

    Layers that read the same share one array.
    """
    model.to(device.name).eval()
    layers = dict(model.named_modules())
    sums = _Sums()
    hooks = [layers[name].register_forward_pre_hook(sums.watch(name)) for name in modules]
    done = 0
    try:
        with torch.no_grad():
            for indices in sorted_batches(windows.tokens.lengths, size=_BATCH):
                ids, mask = (tensor.to(device.name) for tensor in windows.tokens.batch(indices))
                sums.mask = mask
                hidden_states(model, ids, mask)
                done += len(indices)
                progress(done, len(windows))
    finally:
        for hook in hooks:
            hook.remove()
    pieces = int(windows.tokens.lengths.sum())
    means = {name: total.div_(pieces).cpu().numpy() for name, total in sums.found.items()}
    return {name: means[sums.first[name]] for name in modules}


class _Sums:
    """Adds up x x^T of layers' inputs, once where several layers are given the same tensor."""

    def __init__(self) -> None:
        self.mask: Tensor | None = None
        self.found: dict[str, Tensor] = {}
        self.first: dict[str, str] = {}
        self._last: tuple[Tensor, str] | None = None

    def watch(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        """Return a hook for the layer `name`."""

        def seen(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
            if self._last is not None and self._last[0] is given[0]:
                self.first[name] = self._last[1]
                return
            flat = given[0][self.mask].float()
            self.found[name] = self.found.get(name, 0.0) + flat.T @ flat
            self.first[name] = name
            self._last = (given[0], name)

        return seen
