"""Every size of student from one training, measured on dev; the few that matter cut out and polished.

The elastic model starts from the teacher, its units sorted by importance and its word embeddings narrowed. Its sizes
learn together for about three times the teacher's work; a polish of one pick takes up to four times of it more, the
last eighth of that in the numbers of the quantized file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np

from penjing.files import write_text
from penjing.records import Record, Step
from penjing.search.context import Context
from penjing.search.embeddings import narrow_steps, narrowed, rank_of
from penjing.search.latency_table import CostTable, cost_table
from penjing.search.lessons import Lessons, make_lessons, students_time
from penjing.search.models import Trained, dev_score, supervised, trained_stage
from penjing.search.quantization_aware import quantization_aware
from penjing.search.recipes import elastic_sizes
from penjing.search.students import BLOCK_TEXTS, SAMPLE_TEXTS, sample, student_plan
from penjing.search.tuning import DEFAULT, Variant, tuned
from penjing.shrink.elastic import compute, parts_of, sandwich
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.structure import extract, sort_units
from penjing.spec import Bar, Budget
from penjing.train.batches import Tokens
from penjing.train.checkpoint import load_encoder, save_encoder
from penjing.train.distill import distillation_loss
from penjing.train.encoder import Encoder, EncoderShape, Part
from penjing.train.loop import Loss
from penjing.train.pace import TrainPlan

TOGETHER = 3.0  # the work of training all sizes, in trainings of the teacher
_POLISH, _ROUNDED = 3.5, 0.5  # that of one polish, and of its end in the numbers of the quantized file
_ROUNDED_RATE = 0.25  # of the learning rate of a polish
_BETWEEN = 1  # sizes drawn at a step beside the largest and the smallest
_PICKS = 2
_LATENCY_SLACK = 1.15  # a prediction may be off by so much
SIZES_NAME = "sizes.json"
_TOGETHER_SHARE = 0.5  # of the students' time, where time is limited; the picks share the rest
_SLACK = 0.01  # how much a polish may be hoped to gain


class Point(Record):
    """One size of the elastic model: its score on dev as it was trained, before any polish."""

    name: str
    blocks: tuple[int, ...]
    heads: int
    ffn: int
    score: float
    compute: float
    """Multiplications a token in the linear layers."""

    @property
    def part(self) -> Part:
        """The part of the elastic model."""
        return Part(self.blocks, self.heads, self.ffn)


@dataclass(frozen=True)
class _Seed:
    """Where elastic training starts, and the parts that learn."""

    folder: Path
    key: str
    parts: tuple[Part, ...]


def train_elastic(context: Context, teacher: Trained) -> list[Trained]:
    """Return the polished picks, largest first; `sizes.json` in the run folder holds every size."""
    lessons = make_lessons(context, teacher)
    left_s = students_time(context, teacher)
    seed = _seed(context, teacher)
    shape = teacher.load().shape
    together = _train_together(context, teacher, seed, lessons, shape, left_s=left_s)
    points, scoring_s = _points(context, seed, together, shape)
    write_text(context.store.root.parent / SIZES_NAME, json.dumps([point.model_dump() for point in points]))
    costs = cost_table(context, seed.parts, shape, rank=rank_of(context, shape))
    able = affordable(points, costs, context.task.budget)
    picked = pick(able, least=least_score(context.task.bar, teacher=teacher.score) - _SLACK, count=_PICKS)
    trainings = len(picked) + context.task.recipe.trials
    polish_s = None if left_s is None else _polish_time(left_s, scoring_s) / trainings

    def polished(point: Point, name: str, variant: Variant) -> Trained:
        found = _polish(context, teacher, together, lessons, point, shape, name=name, variant=variant, limit_s=polish_s)
        return replace(found, predicted_p50_s=costs.latency_s(point.part) if costs else None)

    students = [polished(point, point.name, DEFAULT) for point in picked]
    return [*students, *tuned(context, students[-1], partial(polished, picked[-1]))]


def affordable(points: Sequence[Point], costs: CostTable | None, budget: Budget) -> list[Point]:
    """Return the points that are predicted to be within the budget; where none is, the one nearest to it.

    Half of the texts take less than p50, so that it is held against both limits of latency, with some allowance.
    """
    if costs is None:
        return list(points)
    latencies = [limit for limit in (budget.latency_p50, budget.latency_p95) if limit is not None]
    slowest = min(latencies) * _LATENCY_SLACK if latencies else None

    def excess(point: Point) -> float:
        pairs = ((costs.size_bytes(point.part), budget.size), (costs.latency_s(point.part), slowest))
        return max((found / limit for found, limit in pairs if found is not None and limit is not None), default=0.0)

    return [point for point in points if excess(point) <= 1] or [min(points, key=excess)]


def _polish_time(left_s: float, scoring_s: float) -> float:
    """Return the seconds for all polishes: their share without what scoring took, or half of it where that is more."""
    share = left_s * (1 - _TOGETHER_SHARE)
    return max(share - scoring_s, share / 2)


def least_score(bar: Bar, *, teacher: float) -> float:
    """Return the least score at which `bar` holds for a student of a teacher that scores `teacher`.

    >>> least_score(Bar(at_least=0.88, drop_at_most=0.2), teacher=0.9)
    0.88
    """
    allowed = bar.allowed_drop(teacher)
    limits = [bar.at_least, None if allowed is None else teacher - allowed]
    return max(limit for limit in limits if limit is not None)


def pick(points: Sequence[Point], *, least: float, count: int) -> list[Point]:
    """Return up to `count` points for a polish, largest first, of those that no smaller one equals in score.

    They are the smallest that scores `least` and the next larger ones; where there are not so many larger ones, or
    none scores `least`, they are the largest.
    """
    best, frontier = float("-inf"), list[Point]()
    for point in sorted(points, key=lambda point: (point.compute, -point.score)):
        if point.score > best:
            frontier.append(point)
            best = point.score
    first = next((place for place, point in enumerate(frontier) if point.score >= least), len(frontier))
    start = max(0, min(first, len(frontier) - count))
    return frontier[start : start + count][::-1]


def _seed(context: Context, teacher: Trained) -> _Seed:
    """Return the teacher with its units sorted by importance, and the parts in the order of their compute."""
    context.reporter.begin("importance")
    rank = rank_of(context, teacher.load().shape)

    def make(folder: Path, _: Path) -> None:
        model = teacher.load()
        tokens, truth = sample(context, count=SAMPLE_TEXTS)
        few = tokens.take(np.arange(min(BLOCK_TEXTS, len(tokens))))
        removal = least_needed_blocks(model, few, count=model.shape.layers - 1, device=context.device)
        loss = supervised(context, truth.numpy())
        model = sort_units(model, unit_importance(model, tokens, loss=loss, device=context.device))
        save_encoder(narrowed(context, model), folder)
        write_text(folder / "removal.json", json.dumps(removal))

    inputs = {"teacher": teacher.key, "rank": rank, "seed": context.seed, "sample": [SAMPLE_TEXTS, BLOCK_TEXTS]}
    stage = context.store.stage("elastic-start", inputs, make)
    context.reporter.end("of blocks, heads and neurons", reused=stage.reused)
    removal = json.loads((stage.folder / "removal.json").read_text(encoding="utf-8"))
    shape = teacher.load().shape
    parts = parts_of(elastic_sizes(context.task.recipe, shape=shape), removal=removal, shape=shape)
    return _Seed(stage.folder, stage.key, parts)


def _train_together(
    context: Context, teacher: Trained, seed: _Seed, lessons: Lessons, shape: EncoderShape, *, left_s: float | None
) -> Trained:
    work = [compute(part, shape) for part in seed.parts]
    step_work = sum({work[0], work[-1]}) + _BETWEEN * fmean(work[1:-1] or [0.0])
    limit = None if left_s is None else left_s * _TOGETHER_SHARE
    plan = _plan(context, teacher, lessons, DEFAULT, work=TOGETHER, of=step_work, time_limit_s=limit)

    def start() -> tuple[Encoder, Tokens, Loss]:
        return load_encoder(seed.folder), lessons.tokens, _loss(context, lessons, DEFAULT)

    judged = tuple(dict.fromkeys((seed.parts[0], seed.parts[len(seed.parts) // 2], seed.parts[-1])))
    inputs = {
        "start": seed.key,
        "lessons": lessons.key,
        "parts": [asdict(part) for part in seed.parts],
        "between": _BETWEEN,
        "plan": asdict(plan),
        "loss": asdict(DEFAULT.loss),
    }
    parts = sandwich(seed.parts, between=_BETWEEN, seed=context.seed)
    name = f"elastic, {len(seed.parts)} sizes"
    return trained_stage(context, name, (), inputs, plan, start, parts=parts, judged=judged)


def _points(context: Context, seed: _Seed, together: Trained, shape: EncoderShape) -> tuple[list[Point], float]:
    """Return every size with its score on dev, and the seconds that took."""
    context.reporter.begin("sizes on dev")

    def make(folder: Path, _: Path) -> None:
        model, rows, started = together.load(), [], time.monotonic()
        for done, part in enumerate(seed.parts, start=1):
            name, score = size_name(part, shape), dev_score(context, model, part)
            rows.append(Point(name=name, score=score, compute=compute(part, shape), **asdict(part)))
            context.reporter.advance(done, len(seed.parts))
        found = {"points": [row.model_dump() for row in rows], "seconds": time.monotonic() - started}
        write_text(folder / SIZES_NAME, json.dumps(found))

    stage = context.store.stage("sizes", {"elastic": together.key, "metric": context.task.bar.metric}, make)
    found = json.loads((stage.folder / SIZES_NAME).read_text(encoding="utf-8"))
    points = [Point.model_validate(row) for row in found["points"]]
    context.reporter.end(f"{len(points)} sizes, best {max(point.score for point in points):.4f}", reused=stage.reused)
    return points, float(found["seconds"])


def size_name(part: Part, shape: EncoderShape) -> str:
    """Return a name for tables: "4 layers, 67% heads, 25% FFN"."""
    count = len(part.blocks)
    found = [f"{count} layer{'s' if count > 1 else ''}"]
    if part.heads < shape.heads[0]:
        found.append(f"{part.heads / shape.heads[0]:.0%} heads")
    if part.ffn < shape.ffn[0]:
        found.append(f"{part.ffn / shape.ffn[0]:.0%} FFN")
    return ", ".join(found)


def _polish(
    context: Context,
    teacher: Trained,
    together: Trained,
    lessons: Lessons,
    point: Point,
    shape: EncoderShape,
    *,
    name: str,
    variant: Variant,
    limit_s: float | None,
) -> Trained:
    def planned(*, work: float) -> TrainPlan:
        share = None if limit_s is None else limit_s * work / (_POLISH + _ROUNDED)
        return _plan(context, teacher, lessons, variant, work=work, of=point.compute, time_limit_s=share)

    plan = planned(work=_POLISH)

    def start() -> tuple[Encoder, Tokens, Loss]:
        return extract(together.load(), point.part), lessons.tokens, _loss(context, lessons, variant)

    sizes = {"layers": len(point.blocks), "heads": point.heads, "ffn": point.ffn}
    cut = Step(name="elastic", values=sizes)
    steps = (*teacher.recipe[:1], context.vocabulary.step, *narrow_steps(context, shape), cut, Step(name="polish"))
    inputs = {
        "elastic": together.key,
        "lessons": lessons.key,
        "part": asdict(point.part),
        "plan": asdict(plan),
        "loss": asdict(variant.loss),
    }
    polished = trained_stage(context, name, steps, inputs, plan, start)
    end = planned(work=_ROUNDED)
    end = replace(end, learning_rate=_ROUNDED_RATE * end.learning_rate)
    found = quantization_aware(context, polished, lessons, plan=end, loss=variant.loss)
    return replace(found, train_s=together.train_s + found.train_s)


def _plan(
    context: Context,
    teacher: Trained,
    lessons: Lessons,
    variant: Variant,
    *,
    work: float,
    of: float,
    time_limit_s: float | None,
) -> TrainPlan:
    """Return a plan whose steps, each of the work `of`, add up to `work` times the training of the teacher."""
    passes = work * _teacher_work(teacher.load().shape) / of * float(teacher.recipe[0].values["epochs"])
    texts = len(context.tokens["train"])
    return student_plan(context, lessons, variant, passes=passes, texts=texts, patience=4, time_limit_s=time_limit_s)


def _teacher_work(shape: EncoderShape) -> float:
    return compute(Part(tuple(range(shape.layers)), shape.heads[0], shape.ffn[0]), shape)


def _loss(context: Context, lessons: Lessons, variant: Variant) -> Loss:
    return distillation_loss(lessons.said, weights=variant.loss, multi_label=context.splits.multi_label)
