"""How fast models write: time to the first token, tokens a second after it, and memory, side by side.

Each model runs in a process of its own. They take turns, in an order shuffled every round, each on the same new prompt,
so that nothing of it is left in a cache; the first round warms up and is not counted.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles

from penjing.engines.text.base import Chunk, Message, Sampling, TextRequest, Usage
from penjing.engines.text.process import ProcessEngine
from penjing.errors import DataError, EngineError
from penjing.measure.intervals import median_interval
from penjing.records import Latency

TOKENS, ROUNDS = 64, 6
_GREEDY = Sampling(TOKENS, 0.0, 1.0, None, 0, (), None)

Prompt = str | tuple[Message, ...]
"""A text to go on with, or a conversation."""


@dataclass
class TextSpeed:
    """What was measured of one model, a value a round; `failed` says why where it did not run."""

    first_s: list[float] = field(default_factory=list)
    token_s: list[float] = field(default_factory=list)
    """Seconds of each token after the first."""
    memory_bytes: int | None = None
    """The peak of the model's process."""
    failed: str | None = None

    def latency(self, *, threads: int) -> Latency | None:
        """Return the seconds of an answer of 64 tokens."""
        if not self.token_s:
            return None
        answers = [first + (TOKENS - 1) * each for first, each in zip(self.first_s, self.token_s, strict=True)]
        return Latency(
            p50_s=median(answers),
            p50_ci=median_interval([[answer] for answer in answers], seed=0),
            p95_s=quantiles(answers, n=20)[-1] if len(answers) > 1 else answers[0],
            engine_p50_s=median(self.token_s),
            n=len(answers),
            batch_size=1,
            threads=threads,
            first_token_s=median(self.first_s),
        )


def measure_text(
    commands: Mapping[str, tuple[str, Sequence[str]]],
    prompts: Sequence[Prompt],
    *,
    threads: int,
    rounds: int = ROUNDS,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> dict[str, TextSpeed]:
    """Return the speed of each model; one that fails does not stop the others.

    `commands` name an engine and start its process (see `penjing.engines.text.process`).

    Raises:
        DataError: there are fewer prompts than rounds and one more.
    """
    if len(prompts) <= rounds:
        raise DataError("too few prompts to measure with", value=f"{len(prompts)}", rule=f"at least {rounds + 1}")
    order = random.Random(0)  # noqa: S311 (an order, not a secret)
    found = {name: TextSpeed() for name in commands}
    with ExitStack() as stack:
        engines = _started(stack, commands, found, threads=threads)
        for turn in range(rounds + 1):
            names = order.sample(list(engines), len(engines))
            for place, name in enumerate(names, start=1):
                if found[name].failed is None:
                    _take_turn(engines[name], found[name], prompts[turn], counted=turn > 0)
                progress(turn * len(names) + place, (rounds + 1) * len(names))
        for name, engine in engines.items():
            if found[name].failed is None:
                found[name].memory_bytes = engine.peak_memory()
    return found


def _started(
    stack: ExitStack,
    commands: Mapping[str, tuple[str, Sequence[str]]],
    found: Mapping[str, TextSpeed],
    *,
    threads: int,
) -> dict[str, ProcessEngine]:
    engines = {}
    for name, (engine, command) in commands.items():
        try:
            engines[name] = ProcessEngine(engine, command, threads=threads)
            stack.callback(engines[name].close)
        except EngineError as error:
            found[name].failed = str(error)
    return engines


def _take_turn(engine: ProcessEngine, found: TextSpeed, prompt: Prompt, *, counted: bool) -> None:
    try:
        first_s, token_s = timed_answer(engine, prompt)
    except EngineError as error:
        found.failed = str(error)
        return
    if counted and math.isfinite(token_s):
        found.first_s.append(first_s)
        found.token_s.append(token_s)


def timed_answer(engine: ProcessEngine, prompt: Prompt) -> tuple[float, float]:
    """Return the seconds until an answer began, and those of each token after it (NaN where there was but one)."""
    request = TextRequest((), prompt, 1, _GREEDY) if isinstance(prompt, str) else TextRequest(prompt, "", 1, _GREEDY)
    began, first, last, tokens = time.perf_counter(), math.nan, math.nan, 0
    for event in engine.stream(request):
        if isinstance(event, Usage):
            tokens = event.completion_tokens or 0
        elif isinstance(event, Chunk) and event.text:
            last = time.perf_counter()
            first = last if math.isnan(first) else first
    return first - began, (last - first) / (tokens - 1) if tokens > 1 else math.nan
