"""The state of a training run on disk, so that a killed run goes on: safetensors and JSON, written atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


@dataclass
class LoopState:
    """The counters of a run and the best weights so far."""

    steps: int
    """After how many steps training ends; changes with what time allows."""
    most_steps: int
    """The number of steps that was asked for."""
    step: int = 0
    train_s: float = 0.0
    evaluate_s: float = 0.0
    evaluations: int = 0
    pieces: int = 0
    """Pieces trained on so far."""
    next_evaluation: int = 0
    best_score: float = float("-inf")
    misses: int = 0
    """Evaluations since the best one."""
    bad_steps: int = 0
    best: dict[str, Tensor] | None = field(default=None, repr=False)

    def note_score(self, score: float, model: nn.Module) -> None:
        """Keep the weights where `score` is the best so far."""
        if score > self.best_score:
            self.best_score, self.misses = score, 0
            self.best = {name: value.detach().clone() for name, value in model.state_dict().items()}
        else:
            self.misses += 1

    def counters(self) -> dict[str, float | int]:
        """Return everything but the weights."""
        return {name: value for name, value in self.__dict__.items() if name != "best"}


@dataclass(frozen=True)
class StateFile:
    """Where a run keeps its state; a file that cannot be read is as good as none."""

    path: Path

    def write(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: LoopState) -> None:
        """Replace the file by the present state."""
        tensors = {f"model.{name}": value for name, value in _unshared(model.state_dict()).items()}
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value.contiguous() for name, value in values.items()}
        tensors |= {f"best.{name}": value.contiguous() for name, value in (state.best or {}).items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        save_file(tensors, partial, metadata={"counters": json.dumps(state.counters())})
        os.replace(partial, self.path)

    def read(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> LoopState | None:
        """Load model and optimizer from the file; return the state, or None where there is none."""
        try:
            with safe_open(self.path, framework="pt") as file:
                state = LoopState(**json.loads(file.metadata()["counters"]))
            tensors = load_file(self.path)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return None
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "best": {}}
        for name, value in tensors.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = value
        model.load_state_dict(parts["model"])
        optimizer.load_state_dict({**optimizer.state_dict(), "state": _by_index(parts["optimizer"])})
        state.best = parts["best"] or None
        return state


def _unshared(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors, a copy of each that shares its memory with one before it, as tied embeddings do."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in values.items():
        shared = value.data_ptr() in seen
        seen.add(value.data_ptr())
        found[name] = value.detach().clone() if shared else value.detach().contiguous()
    return found


def _by_index(flat: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    nested: dict[int, dict[str, Tensor]] = {}
    for name, value in flat.items():
        index, key = name.split(".", 1)
        nested.setdefault(int(index), {})[key] = value
    return nested
