"""How many steps a training takes and when it is judged: by the plan, or by what a time limit allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from penjing.train.state import LoopState

PROBE_STEPS = (4, 12)  # after so many, the number of steps is settled by what they took
_FEWEST_EVALUATIONS = 3  # where time is not limited
_EVALUATION_SHARE = 0.1  # of a limited time
ANSWERS_A_STEP = 4.5  # texts a model answers in the time it trains on one


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """How long and how fast to train."""

    epochs: float
    learning_rate: float
    batch_size: int = 32
    weight_decay: float = 0.01
    dropout: float = 0.1
    """The share of activations that training leaves out."""
    seed: int = 13
    time_limit_s: float | None = None
    """The schedule is shortened, not cut off, so that training ends about here."""
    patience: int = 2
    """Stop after so many evaluations on dev without a better score."""

    def after(self, spent_s: float) -> TrainPlan:
        """Return the plan with the time that is left after `spent_s` seconds, and at least half of it."""
        limit = self.time_limit_s
        return self if limit is None else replace(self, time_limit_s=max(limit - spent_s, limit / 2))


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of training on texts of `mean_length` pieces, judged each time on `judged_texts`."""

    plan: TrainPlan
    steps_a_pass: int
    mean_length: float
    judged_texts: int = 0

    def begin(self) -> LoopState:
        """Return the state before the first step."""
        steps = max(1, round(self.plan.epochs * self.steps_a_pass))
        state = LoopState(steps=steps, most_steps=steps)
        state.next_evaluation = self._often(state)
        return state

    def fit_in_time(self, state: LoopState) -> None:
        """Settle the number of steps by what the limit allows; batches differ, so time is counted by the piece."""
        if self.plan.time_limit_s is None or state.step >= state.steps:
            return
        affordable = affordable_steps(
            state.step,
            left_s=self.plan.time_limit_s - state.train_s - state.evaluate_s,
            step_s=state.train_s / state.pieces * self.mean_length * self.plan.batch_size,
            evaluation_s=self._evaluation_s(state),
            every=self._every(state),
            most=state.most_steps,
        )
        unjudged = state.evaluations == 0
        state.steps = max(affordable, state.step + unjudged)
        self._settle(state, max(state.step + 1, self._every(state)))

    def evaluate_next(self, state: LoopState) -> None:
        """Settle when to evaluate next."""
        self._settle(state, state.step + self._every(state))

    def _settle(self, state: LoopState, wanted: int) -> None:
        """Judge at the step that is wanted, but not shortly before the last one, which is judged anyway."""
        close = state.steps - wanted < self._every(state) / 2
        state.next_evaluation = state.steps if close else wanted

    def _often(self, state: LoopState) -> int:
        return max(1, min(self.steps_a_pass, state.steps // _FEWEST_EVALUATIONS))

    def _every(self, state: LoopState) -> int:
        """Return the steps between evaluations: more than usual where these would take too much of a limited time."""
        if self.plan.time_limit_s is None or not state.step:
            return self._often(state)
        allowed_s = _EVALUATION_SHARE * state.train_s / state.step
        return max(self._often(state), math.ceil(self._evaluation_s(state) / allowed_s))

    def _evaluation_s(self, state: LoopState) -> float:
        """Return what an evaluation takes: as measured, or before the first one by the time of training."""
        if state.evaluations:
            return state.evaluate_s / state.evaluations
        return self.judged_texts / (ANSWERS_A_STEP * self.plan.batch_size) * state.train_s / state.step


def affordable_steps(step: int, *, left_s: float, step_s: float, evaluation_s: float, every: int, most: int) -> int:
    """Return after how many steps to end, where `step` are done, one evaluation comes with `every` steps and one ends.

    >>> affordable_steps(10, left_s=110, step_s=1, evaluation_s=10, every=10, most=500)
    60
    >>> affordable_steps(10, left_s=110, step_s=1, evaluation_s=10, every=1_000, most=500)
    110
    """
    more = int((left_s - evaluation_s) / step_s)
    if more >= every:
        more = int((left_s - evaluation_s) / (step_s + evaluation_s / every))
    return max(step, min(most, step + more))
