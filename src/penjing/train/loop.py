"""The training loop: bucketed batches, bfloat16 where the hardware has it, early stop on dev, checkpoints.

The loop knows nothing of distillation or of labels: a loss is a function of the model and a batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from penjing.errors import ModelError
from penjing.train.batches import Indices, Tokens, shuffled_batches
from penjing.train.device import Device
from penjing.train.encoder import Encoder, Output, Part
from penjing.train.state import LoopState, StateFile

_PROBE_STEPS = (4, 12)  # after so many, the number of steps is settled by what they took
_FEWEST_EVALUATIONS = 3
_WARMUP_SHARE = 0.1
_CLIP_NORM = 1.0
_MOST_BAD_STEPS = 5
_CHECKPOINT_EVERY_S = 60.0

Loss = Callable[[Output, Indices], Tensor]
"""The loss of a model's output for the texts with these indices."""

Parts = Callable[[int], Sequence[Part | None]]
"""Which parts of the model learn at a step, together; None is the whole model."""


def whole(step: int) -> Sequence[Part | None]:
    """Return the whole model, whatever the step."""
    return (None,)


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """How long and how fast to train."""

    epochs: float
    learning_rate: float
    batch_size: int = 32
    weight_decay: float = 0.01
    seed: int = 13
    time_limit_s: float | None = None
    """The schedule is shortened, not cut off, so that training ends about here."""
    patience: int = 2
    """Stop after so many evaluations on dev without a better score."""


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
    model: Encoder,
    *,
    tokens: Tokens,
    loss: Loss,
    evaluate: Callable[[Encoder], float],
    plan: TrainPlan,
    device: Device,
    state_file: StateFile,
    report: Callable[[Progress], None],
    parts: Parts = whole,
) -> TrainResult:
    """Train `model` in place and leave it with the weights that scored best on dev.

    At every step the losses of `parts(step)` are averaged. A run that was killed goes on from `state_file`.

    Raises:
        ModelError: the loss or its gradient stays NaN or infinite.
    """
    model.to(device.name)
    optimizer = torch.optim.AdamW(_parameter_groups(model, plan.weight_decay), lr=plan.learning_rate, fused=True)
    steps_per_epoch = math.ceil(len(tokens) / plan.batch_size)
    state = state_file.read(model, optimizer) or _first_state(plan, steps_per_epoch)
    saved_at = time.monotonic()
    for indices in _batches_from(tokens, plan, state.step):
        if state.step >= state.steps or state.misses >= plan.patience:
            break
        started = time.monotonic()
        value = _step(model, optimizer, tokens, indices, loss, parts(state.step), state, plan, device)
        state.train_s += time.monotonic() - started
        state.step += 1
        if state.step in _PROBE_STEPS:
            _fit_in_time(state, plan, tokens)
        score = None
        if state.step >= min(state.next_evaluation, state.steps):
            started = time.monotonic()
            score = evaluate(model)
            state.evaluate_s += time.monotonic() - started
            state.evaluations += 1
            state.note_score(score, model)
            _fit_in_time(state, plan, tokens)
            _evaluate_next(state, steps_per_epoch)
        report(Progress(state.step, state.steps, value, score))
        if time.monotonic() - saved_at > _CHECKPOINT_EVERY_S:
            state_file.write(model, optimizer, state)
            saved_at = time.monotonic()
    if state.best is not None:
        model.load_state_dict(state.best)
    return TrainResult(state.step, state.best_score, state.train_s, state.step < state.steps)


def _first_state(plan: TrainPlan, steps_per_epoch: int) -> LoopState:
    steps = max(1, round(plan.epochs * steps_per_epoch))
    return LoopState(steps=steps, most_steps=steps, next_evaluation=_evaluate_every(steps, steps_per_epoch))


def _evaluate_every(steps: int, steps_per_epoch: int) -> int:
    return max(1, min(steps_per_epoch, steps // _FEWEST_EVALUATIONS))


def affordable_steps(step: int, *, left_s: float, step_s: float, evaluation_s: float, every: int, most: int) -> int:
    """Return after how many steps to end, where `step` are done, one evaluation comes with `every` steps and one ends.

    >>> affordable_steps(10, left_s=110, step_s=1, evaluation_s=10, every=10, most=500)
    60
    """
    more = int((left_s - evaluation_s) / (step_s + evaluation_s / every))
    return max(step, min(most, step + more))


def _fit_in_time(state: LoopState, plan: TrainPlan, tokens: Tokens) -> None:
    """Settle the number of steps by what the time limit allows; batches differ, so time is counted by the piece."""
    if plan.time_limit_s is None or state.step >= state.steps:
        return
    pieces_a_step = float(tokens.lengths.mean()) * plan.batch_size
    every = _evaluate_every(state.steps, math.ceil(len(tokens) / plan.batch_size))
    affordable = affordable_steps(
        state.step,
        left_s=plan.time_limit_s - state.train_s - state.evaluate_s,
        step_s=state.train_s / state.pieces * pieces_a_step,
        evaluation_s=state.evaluate_s / max(1, state.evaluations),
        every=every,
        most=state.most_steps,
    )
    unjudged = state.evaluations == 0
    state.steps = max(affordable, state.step + unjudged)
    every = _evaluate_every(state.steps, math.ceil(len(tokens) / plan.batch_size))
    state.next_evaluation = min(state.next_evaluation, max(state.step + 1, every))


def _evaluate_next(state: LoopState, steps_per_epoch: int) -> None:
    """Settle when to evaluate next: not shortly before the last step, which is evaluated anyway."""
    every = _evaluate_every(state.steps, steps_per_epoch)
    state.next_evaluation = state.step + every
    if state.steps - state.next_evaluation < every / 2:
        state.next_evaluation = state.steps


def _step(
    model: Encoder,
    optimizer: torch.optim.Optimizer,
    tokens: Tokens,
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


def _batches_from(tokens: Tokens, plan: TrainPlan, step: int) -> Iterator[Indices]:
    """Yield batches for ever, epoch after epoch, starting as the run that was at `step` would go on."""
    per_epoch = math.ceil(len(tokens) / plan.batch_size)
    epoch, done = divmod(step, per_epoch)
    while True:
        batches = shuffled_batches(tokens.lengths, size=plan.batch_size, seed=plan.seed + epoch)
        for position, indices in enumerate(batches):
            if position >= done:
                yield indices
        epoch, done = epoch + 1, 0


def _parameter_groups(model: Encoder, weight_decay: float) -> list[dict[str, object]]:
    """Decay matrices only: not biases, norms or embeddings (rows that no text uses must stay as they are)."""
    decayed = [p for name, p in model.named_parameters() if p.ndim > 1 and not _is_embedding(name)]
    rest = [p for name, p in model.named_parameters() if p.ndim <= 1 or _is_embedding(name)]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def _is_embedding(name: str) -> bool:
    return name.startswith(("words.", "positions."))
