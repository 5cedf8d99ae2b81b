"""What was measured: values that go into the journal, the manifest and the report.

Fractions are fractions (0.887), times are seconds, sizes are bytes; every quality has its n and its interval.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from penjing.spec import LESS_IS_BETTER

VerdictWord = Literal["met", "undecided", "not met"]
Cost = Literal["size", "latency"]


class Record(BaseModel):
    """A frozen value with JSON in and out; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(Record):
    """A 95 % interval."""

    low: float
    high: float


class Quality(Record):
    """A metric's value on `n` examples of one split."""

    metric: str
    value: float
    ci: Interval
    n: int
    split: str

    @property
    def gain(self) -> float:
        """The value, negated where less is better: the best has the most."""
        return -self.value if self.metric in LESS_IS_BETTER else self.value


class Latency(Record):
    """Seconds from text to answer (and in the engine alone), over `n` runs on the exported file.

    Of a model that writes, the answer is 64 tokens long, and the engine's time is that of one more token.
    """

    p50_s: float
    p50_ci: Interval
    p95_s: float
    engine_p50_s: float
    n: int
    batch_size: int
    threads: int
    first_token_s: float | None = None
    """Of a model that writes: the median seconds until the answer begins."""


class Verdict(Record):
    """Whether the bar holds: the probability that it does, and the word for it.

    met: probability >= 0.95, or the bar's confidence where that is higher; not met: below the bar's confidence;
    undecided: between.
    """

    word: VerdictWord
    probability: float
    drop: float | None
    """By how much this is worse than the teacher, in the metric's units, on the same examples."""
    drop_ci: Interval | None
    n: int
    n_to_decide: int | None
    """About how many examples would decide an undecided verdict, if the figures stay as they are."""
    split: str


class Step(Record):
    """One step of a recipe, such as depth {"layers": 3} or quantize {"weights": "int8"}."""

    name: str
    values: dict[str, Any] = {}


class Trial(Record):
    """One candidate model, made by a recipe of steps and measured. None means not measured."""

    name: str
    role: Literal["baseline", "teacher", "plain-int8", "candidate"]
    recipe: tuple[Step, ...]
    engine: str
    parameters: int | None = None
    quality: Quality | None = None
    """On dev."""
    verdict: Verdict | None = None
    """On dev, against the teacher."""
    size_bytes: int | None = None
    latency: Latency | None = None
    memory_bytes: int | None = None
    train_s: float | None = None
    over_budget: tuple[str, ...] = ()
    """Each broken limit as a sentence: "size 21.3 MB > 20.0 MB"."""
    notes: tuple[str, ...] = ()
    failed: str | None = None
    """Why there is no such model, where making it failed."""
    bundle: str | None = None
    """Its folder, relative to the run's."""
    temperature: float = 1.0
    """Fitted on dev; see `Outputs`."""
    predicted_p50_s: float | None = None
    """What the latency table said before the model was trained."""

    @property
    def passes(self) -> bool:
        """Whether it could be the choice: bar not missed, budget kept."""
        return (
            self.failed is None
            and not self.over_budget
            and (self.verdict is not None and self.verdict.word != "not met")
        )

    @property
    def figures(self) -> Figures | None:
        """What a bundle keeps of it; None where it was not measured."""
        if self.failed is not None or self.quality is None or self.size_bytes is None:
            return None
        return Figures(
            trial=self.name, role=self.role, value=self.quality.value, ci=self.quality.ci, size_bytes=self.size_bytes,
            p50_s=None if self.latency is None else self.latency.p50_s, passes=self.passes,
        )  # fmt: skip

    def cost(self, by: Cost) -> float | None:
        """Return bytes, or seconds at p50; None where they were not measured."""
        if by == "size":
            return self.size_bytes
        return self.latency.p50_s if self.latency else None


class Figures(Record):
    """What is left of a trial in the bundle that its run handed over: enough to draw the frontier."""

    trial: str
    role: str
    value: float
    """Of the bar's metric on dev; with `ci` its interval."""
    ci: Interval
    size_bytes: int
    p50_s: float | None
    passes: bool
    """Whether it could have been chosen: the bar not missed, the budget kept."""


class DecodeTerms(Record):
    """What writing a token takes on one machine, as calibrated: bytes over a bandwidth, and a fixed time a layer."""

    bytes_per_s: float
    layer_s: float
    error: float | None
    """The largest relative error of a model that was left out of the fit; None where none could be."""
    threads: int


class Machine(Record):
    """Where figures were taken."""

    cpu: str
    cores: int
    isa: str
    """The widest instruction set that matters here, such as avx512_vnni, avx2 or neon_dotprod."""
    memory_bytes: int
    system: str
    python: str
