"""The training loop: bucketed batches, bfloat16 where the hardware has it, early stop on dev, checkpoints.

The loop knows nothing of distillation or of labels: a loss is a function of the model and a batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from penjing.errors import ModelError
from penjing.train.batches import Batches, Examples, Indices, shuffled_batches
from penjing.train.device import Device
from penjing.train.encoder import Part
from penjing.train.pace import PROBE_STEPS, Pace, TrainPlan
from penjing.train.state import LoopState, StateFile

_WARMUP_SHARE = 0.1
_CLIP_NORM = 1.0
_MOST_BAD_STEPS = 5
_CHECKPOINT_EVERY_S = 60.0

Model = TypeVar("Model", bound=nn.Module)
"""Called with ids, mask (batch, length) and the part that learns."""

Loss = Callable[[Any, Indices], Tensor]
"""The loss of a model's output for the texts with these indices."""

Parts = Callable[[int], Sequence[Part | None]]
"""Which parts of the model learn at a step, together; None is the whole model."""


def whole(step: int) -> Sequence[Part | None]:
    """Return the whole model, whatever the step."""
    return (None,)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training is."""

    step: int
    steps: int
    loss: float
    score: float | None


@dataclass(frozen=True, slots=True)
class TrainResult:
    """How training went; the model holds the weights of the best evaluation."""

    steps: int
    best_score: float
    train_s: float
    stopped_early: bool


def train(
    model: Model,
    *,
    tokens: Examples,
    loss: Loss,
    evaluate: Callable[[Model], float],
    plan: TrainPlan,
    device: Device,
    state_file: StateFile,
    report: Callable[[Progress], None],
    parts: Parts = whole,
    batches: Batches = shuffled_batches,
    judged_texts: int = 0,
) -> TrainResult:
    """Train `model` in place and leave it with the weights that scored best on dev.

    At every step the losses of `parts(step)` are averaged. A run that was killed goes on from `state_file`. That
    `evaluate` answers `judged_texts` texts says what it will take, before it was called.

    Raises:
        ModelError: the loss or its gradient stays NaN or infinite.
    """
    model.to(device.name)
    optimizer = torch.optim.AdamW(_parameter_groups(model, plan.weight_decay), lr=plan.learning_rate, fused=True)
    pace = Pace(
        plan,
        steps_a_pass=sum(1 for _ in batches(tokens.lengths, size=plan.batch_size, seed=plan.seed)),
        mean_length=float(tokens.lengths.mean()),
        judged_texts=judged_texts,
    )
    state = state_file.read(model, optimizer) or pace.begin()
    saved_at = time.monotonic()
    for indices in islice(_every_batch(tokens, plan, batches), state.step, None):
        if state.step >= state.steps or state.misses >= plan.patience:
            break
        started = time.monotonic()
        value = _step(model, optimizer, tokens, indices, loss, parts(state.step), state, plan, device)
        state.train_s += time.monotonic() - started
        state.step += 1
        if state.step in PROBE_STEPS:
            pace.fit_in_time(state)
        score = None
        if state.step >= min(state.next_evaluation, state.steps):
            started = time.monotonic()
            score = evaluate(model)
            state.evaluate_s += time.monotonic() - started
            state.evaluations += 1
            state.note_score(score, model)
            pace.fit_in_time(state)
            pace.evaluate_next(state)
        report(Progress(state.step, state.steps, value, score))
        if time.monotonic() - saved_at > _CHECKPOINT_EVERY_S:
            state_file.write(model, optimizer, state)
            saved_at = time.monotonic()
    if state.best is not None:
        model.load_state_dict(state.best)
    return TrainResult(state.step, state.best_score, state.train_s, state.step < state.steps)


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    tokens: Examples,
    indices: Indices,
    loss: Loss,
    parts: Sequence[Part | None],
    state: LoopState,
    plan: TrainPlan,
    device: Device,
) -> float:
    torch.manual_seed(plan.seed * 1_000_003 + state.step)
    for group in optimizer.param_groups:
        group["lr"] = plan.learning_rate * _schedule(state.step, state.steps)
    model.train()
    ids, mask = (tensor.to(device.name) for tensor in tokens.batch(indices))
    state.pieces += int(tokens.lengths[indices].sum())
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for part in parts:
        with device.autocast():
            output = model(ids, mask, part)
        value = loss(output, indices) / len(parts)
        value.backward()  # type: ignore[no-untyped-call]
        total += float(value.detach())
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP_NORM)
    if math.isfinite(norm.item()):
        optimizer.step()
        state.bad_steps = 0
    else:
        state.bad_steps += 1
        if state.bad_steps >= _MOST_BAD_STEPS:
            raise ModelError(
                "training diverged: the gradient is NaN or infinite",
                value=f"{state.bad_steps} steps in a row at step {state.step}",
                next_step=f"Use more examples, or lower recipe.learning_rate (this was {plan.learning_rate:.1e})",
            )
    return total


def _schedule(step: int, steps: int) -> float:
    warmup = max(1, round(_WARMUP_SHARE * steps))
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))


def _every_batch(tokens: Examples, plan: TrainPlan, batches: Batches) -> Iterator[Indices]:
    """Yield batches for ever, epoch after epoch."""
    for epoch in count():
        yield from batches(tokens.lengths, size=plan.batch_size, seed=plan.seed + epoch)


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay matrices only: not biases, norms or embeddings (rows that no text uses must stay as they are)."""
    decayed = [p for name, p in model.named_parameters() if p.ndim > 1 and not _is_embedding(name)]
    rest = [p for name, p in model.named_parameters() if p.ndim <= 1 or _is_embedding(name)]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def _is_embedding(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in {"words", "positions", "tokens"}
