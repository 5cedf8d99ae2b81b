"""Estimates beside published figures: the table of docs/estimates.md, from the facts that the tests hold them to.

python -m benchmarks.estimates
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import ROOT
from penjing.estimate.cost import emissions_kg, energy_kwh
from penjing.estimate.formats import bits_per_weight, file_bytes
from penjing.estimate.inference import kv_bytes_per_token
from penjing.estimate.memory import Fitting, lora_parameters, training_memory
from penjing.estimate.speed import assumed_law, fitted_law, read_bytes_per_token, training_seconds
from penjing.estimate.tensors import Model, read_model
from penjing.estimate.work import forward, short_rule, tower, training

FACTS = ROOT.parent / "tests" / "facts"
DOCUMENT = ROOT.parent / "docs" / "estimates.md"
CONFIGS = tomllib.loads((FACTS / "models.toml").read_text(encoding="utf-8"))
_FIELDS = {"what", "published", "tolerance", "source"}
_HOUR, _DAY, _GIB = 3600.0, 86400.0, 2**30

DECODE = {
    "llama-3_2-1b": 375.97, "qwen3-1_7b": 282.06, "llama-3_2-3b": 200.39, "qwen3-4b": 169.03, "llama-3_1-8b": 114.33,
    "qwen2_5-14b": 64.41, "qwen2_5-32b": 30.89, "qwen3-32b": 31.58, "qwen3-30b-a3b": 151.77,
}  # fmt: skip
"""Tokens a second, community runs of llmfit at 3f44fd3: Radeon RX 7900 XT, 800 GB/s, llama.cpp, Q4_K_M."""
BANDWIDTH = 800e9

Fact = Mapping[str, Any]


def model(name: str) -> Model:
    """Return the model of a config in tests/facts/models.toml."""
    return read_model(CONFIGS[name])


def facts() -> list[dict[str, Any]]:
    """Return every published figure."""
    found: list[dict[str, Any]] = tomllib.loads((FACTS / "published.toml").read_text(encoding="utf-8"))["fact"]
    return found


def estimated(fact: Fact) -> float:
    """Return the estimate of what was published."""
    return float(_ESTIMATES[fact["what"]](fact))


def _training_hours(fact: Fact) -> float:
    work = short_rule(model(fact["model"]).parameters, fact["tokens"])
    return training_seconds(work, peak=fact["peak"], mfu=fact["utilisation"]).value / _HOUR


def _lora_memory(fact: Fact) -> float:
    fitting = Fitting(batch=fact["batch"], tokens=fact["tokens"], precision="bfloat16", lora_rank=fact["rank"])
    parts = training_memory(model(fact["model"]), fitting)
    return parts["all"].value - parts["runtime"].value


def _full_memory(fact: Fact) -> float:
    fitting = Fitting(batch=fact["batch"], tokens=fact["tokens"], precision="float32", fused_attention=False)
    return training_memory(model(fact["model"]), fitting)["all"].value


def _energy(fact: Fact) -> Any:
    return energy_kwh(hours=fact["hours"], watts=fact["watts"], overhead=fact["overhead"])


_ESTIMATES: Mapping[str, Callable[[Fact], float]] = {
    "parameters": lambda f: model(f["model"]).parameters,
    "active parameters": lambda f: model(f["model"]).active_parameters,
    "forward work": lambda f: forward(model(f["model"]), tokens=f["tokens"]),
    "training work": lambda f: training(model(f["model"]), tokens=f["tokens"]),
    "seconds of a step": lambda f: (
        f["batch"] * training(model(f["model"]), tokens=f["tokens"]) / (f["peak"] * f["utilisation"])
    ),
    "days of training": lambda f: (
        training_seconds(
            short_rule(f["parameters"], f["tokens"]), peak=f["peak"], devices=f["devices"], mfu=f["utilisation"]
        ).value
        / _DAY
    ),
    "round training work": lambda f: short_rule(f["parameters"], f["tokens"]),
    "billion multiply-adds": lambda f: forward(model(f["model"]), tokens=0) / 2e9,
    "work of a tower": lambda f: tower(model(f["model"]), f["side"], tokens=f["tokens"]),
    "device hours": _training_hours,
    "tokens a second of training": lambda f: (
        f["peak"] * f["utilisation"] * f["tokens"] / training(model(f["model"]), tokens=f["tokens"])
    ),
    "kilowatt hours": lambda f: _energy(f).value,
    "kilograms of CO2": lambda f: emissions_kg(_energy(f), kg_per_kwh=f["kg_per_kwh"]).value,
    "bytes of keys and values a token": lambda f: kv_bytes_per_token(model(f["model"])),
    "bits a weight": lambda f: bits_per_weight(model(f["model"]), f["format"]),
    "GiB of weights": lambda f: file_bytes(model(f["model"]), f["format"]) / _GIB,
    "bytes of weights": lambda f: file_bytes(model(f["model"]), f["format"]),
    "weights of LoRA": lambda f: lora_parameters(model(f["model"]), rank=f["rank"]),
    "bytes of LoRA training": _lora_memory,
    "bytes of full training": _full_memory,
}


def decode_fitted(name: str) -> float:
    """Return tokens a second of a model by a law fitted to the other models."""
    others = [other for other in DECODE if other != name]
    law = fitted_law(
        [_read(other) for other in others],
        [model(other).layers for other in others],
        [1 / DECODE[other] for other in others],
    )
    return 1 / law.token(read_bytes=_read(name), layers=model(name).layers).value


def decode_assumed(name: str) -> float:
    """Return tokens a second of a model where only the bandwidth is known."""
    return 1 / assumed_law(BANDWIDTH).token(read_bytes=_read(name), layers=model(name).layers).value


def _read(name: str) -> float:
    return read_bytes_per_token(model(name), format_="Q4_K_M", context=128)


def render() -> str:
    """Return the document."""
    lines = [_HEAD, "| what | of | published | estimate | error | allowed | source |", "|" + "---|" * 7]
    lines += [_line(fact) for fact in facts()]
    lines += ["", _DECODE_HEAD, "| model | measured | fitted, left out | error | assumed | error |", "|" + "---|" * 6]
    for name, measured in DECODE.items():
        fitted, assumed = decode_fitted(name), decode_assumed(name)
        lines.append(
            f"| {name} | {measured:.1f} | {fitted:.1f} | {fitted / measured - 1:+.1%} | {assumed:.1f} "
            f"| {assumed / measured - 1:+.1%} |"
        )
    errors = [
        sum(abs(found(name) / DECODE[name] - 1) for name in DECODE) / len(DECODE)
        for found in (decode_fitted, decode_assumed)
    ]
    lines.append(f"\nMean error: fitted {errors[0]:.1%}, assumed {errors[1]:.1%}.")
    return "\n".join(lines) + "\n"


def _line(fact: Fact) -> str:
    found = estimated(fact)
    of = ", ".join(f"{name} {_shown(value)}" for name, value in fact.items() if name not in _FIELDS)
    error, allowed = found / fact["published"] - 1, fact["tolerance"]
    cells = [
        fact["what"], of, _shown(fact["published"]), _shown(found), f"{error:+.2%}",
        f"{allowed:.2%}" if allowed else "exact", fact["source"],
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and (abs(value) >= 1e13 or abs(value) < 1e3):
        return f"{value:.5g}"
    return f"{value:,.0f}"


_HEAD = """# Estimates

[中文](zh/estimates.md)

What a model needs is counted from its `config.json` alone (`penjing.estimate`): parameters, operations, memory, time,
energy. Parameters are those that `transformers` builds, to the unit (tests/estimate). Beside published figures
(tests/facts):
"""
_DECODE_HEAD = """## Tokens a second

Seconds a token = bytes read / effective bandwidth + layers x what a layer takes beside them. Fitted: both terms, to the
other eight models, so that none is judged by a law that has seen it. Assumed: 75 % of 800 GB/s and 40 µs a layer, where
nothing was measured. Measured by users of llmfit (3f44fd3) on a Radeon RX 7900 XT in llama.cpp, Q4_K_M.
"""


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
    print(DOCUMENT)
    sys.exit(0)
