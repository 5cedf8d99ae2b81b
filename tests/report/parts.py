"""Measured values for sample runs, in the shape a real run has them."""

from __future__ import annotations

from typing import Any

from penjing.records import Interval, Latency, Machine, Quality, Step, Trial, Verdict
from penjing.report import LedgerRow, ReliabilityBin

MACHINE = Machine(
    cpu="Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
    cores=2,
    isa="avx512_vnni, amx_int8",
    memory_bytes=8_000_000_000,
    system="Linux 6.1 (Debian 12)",
    python="3.11.2",
)
VERSIONS = {"onnxruntime": "1.32.0", "penjing": "0.1.0", "tokenizers": "0.23.1", "torch": "2.13.0"}
INT8 = Step(name="quantize", values={"weights": "int8"})
TRIM = Step(name="vocabulary", values={"pieces": 12000})


def quality(value: float, n: int = 1736, split: str = "dev", metric: str = "accuracy") -> Quality:
    half = 1.96 * (value * (1 - value) / n) ** 0.5
    return Quality(metric=metric, value=value, ci=Interval(low=value - half, high=value + half), n=n, split=split)


def latency(p50_ms: float, *, spread: float = 0.04) -> Latency:
    p50 = p50_ms / 1e3
    return Latency(
        p50_s=p50,
        p50_ci=Interval(low=p50 * (1 - spread), high=p50 * (1 + spread)),
        p95_s=p50 * 1.9,
        engine_p50_s=p50 * 0.8,
        n=2000,
        batch_size=1,
        threads=2,
    )


def verdict(word: str, probability: float, drop: float, more: int | None = None, **changes: Any) -> Verdict:
    values = {
        "word": word,
        "probability": probability,
        "drop": drop,
        "drop_ci": {"low": drop - 0.0131, "high": drop + 0.0129},
        "n": 1736,
        "n_to_decide": more,
        "split": "dev",
    }
    return Verdict.model_validate(values | changes)


def shrunk(layers: int, ffn: float, *last: Step) -> tuple[Step, ...]:
    return (
        TRIM,
        Step(name="depth", values={"layers": layers}),
        Step(name="ffn", values={"keep": ffn}),
        *last,
    )


def review_trials() -> tuple[Trial, ...]:
    """Nine trials: one row each of name, role, accuracy, MB, ms, parameters, training, recipe, verdict."""
    rows = (
        ("linear", "baseline", 0.8514, 4.2, 0.086, 524_290, 9.1, (), ("undecided", 0.61, 0.0086, 9200)),
        ("teacher", "teacher", 0.8600, 471.2, 24.6, 117_653_762, 412.0, (), None),
        (
            "plain-int8",
            "plain-int8",
            0.8560,
            118.9,
            9.8,
            117_653_762,
            None,
            (),
            ("undecided", 0.83, 0.004, 3100),
        ),
        ("trim", "candidate", 0.8623, 104.4, 23.9, 26_051_714, 81.0, (TRIM,), ("met", 0.971, -0.0023)),
        (
            "trim-int8",
            "candidate",
            0.8600,
            26.9,
            9.1,
            26_051_714,
            81.0,
            (TRIM, INT8),
            ("undecided", 0.93, 0.0, 1900),
        ),
        (
            "l6-f1/2",
            "candidate",
            0.8583,
            11.9,
            3.4,
            11_600_258,
            233.0,
            shrunk(6, 0.5, INT8),
            ("undecided", 0.88, 0.0017),
        ),
        (
            "l3-f1/2",
            "candidate",
            0.8548,
            8.1,
            2.13,
            8_051_330,
            233.0,
            shrunk(3, 0.5, INT8),
            ("undecided", 0.78, 0.0052),
        ),
        (
            "l2-f1/4",
            "candidate",
            0.8381,
            6.4,
            1.31,
            6_276_482,
            233.0,
            shrunk(2, 0.25, INT8),
            ("not met", 0.04, 0.0219),
        ),
    )
    failed = Trial(
        name="l3-f1/2-int4",
        role="candidate",
        recipe=shrunk(3, 0.5, Step(name="quantize", values={"weights": "int4"})),
        engine="onnxruntime",
        failed="the exported file differs from the model by 3.1 logits, more than 0.5",
    )
    return (*(_trial(row) for row in rows), failed)


def _trial(row: tuple[Any, ...]) -> Trial:
    name, role, accuracy, size_mb, ms, parameters, train_s, recipe, judged = row
    over = (f"size {size_mb} MB > 20.0 MB",) * (size_mb > 20) + (f"p50 {ms} ms > 5.0 ms",) * (ms > 5)
    return Trial(
        name=name,
        role=role,
        recipe=recipe,
        engine="linear" if role == "baseline" else "onnxruntime",
        parameters=parameters,
        quality=quality(accuracy),
        verdict=None if judged is None else verdict(*judged),
        size_bytes=round(size_mb * 1e6),
        latency=latency(ms),
        memory_bytes=round((size_mb * 1.3 + 70) * 1e6),
        train_s=train_s,
        over_budget=over,
        notes=("2 layers kept in fp32",) if role == "plain-int8" else (),
    )


def review_ledger() -> tuple[LedgerRow, ...]:
    rows: tuple[tuple[str, dict[str, Any], float, int, float, float, float | None], ...] = (
        ("teacher", {}, 471.2, 117_653_762, 0.8600, 24.6, None),
        ("vocabulary", {"pieces": 12000}, 104.4, 26_051_714, 0.8623, 23.9, 0.0023),
        ("depth, ffn", {"layers": 3, "keep": 0.5}, 32.3, 8_051_330, 0.8566, 5.2, -0.0057),
        ("quantize", {"weights": "int8"}, 12.7, 8_051_330, 0.8554, 2.14, -0.0012),
        ("embeddings", {"weights": "int8"}, 8.1, 8_051_330, 0.8548, 2.13, -0.0006),
    )
    return tuple(
        LedgerRow(
            step=step,
            values=values,
            size_bytes=round(size * 1e6),
            parameters=parameters,
            quality=quality(accuracy),
            p50_s=ms / 1e3,
            delta=delta,
        )
        for step, values, size, parameters, accuracy, ms, delta in rows
    )


def reliability_bins() -> tuple[ReliabilityBin, ...]:
    rows = (
        (0.5, 41, 0.551, 0.537),
        (0.6, 88, 0.652, 0.614),
        (0.7, 121, 0.753, 0.760),
        (0.8, 230, 0.856, 0.839),
        (0.9, 1256, 0.964, 0.957),
    )
    return tuple(ReliabilityBin(low=low, high=low + 0.1, n=n, confidence=c, accuracy=a) for low, n, c, a in rows)
