"""Where training runs, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Device:
    """A torch device and whether matrix products run in bfloat16."""

    name: str
    bfloat16: bool

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which forward passes run."""
        return torch.autocast(self.name, dtype=torch.bfloat16) if self.bfloat16 else nullcontext()


def best_device() -> Device:
    """Return the GPU where there is one, else the CPU; bfloat16 where the hardware multiplies it."""
    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.is_bf16_supported())
    capabilities = torch.cpu.get_capabilities()
    return Device("cpu", bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")))
