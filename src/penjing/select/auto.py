"""The model of a task that names none: what a plan puts first of what is installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from penjing.catalog.facts import catalog_models, read_prices
from penjing.catalog.gguf_packages import gguf_packages
from penjing.catalog.packages import model_packages
from penjing.errors import ModelError
from penjing.select.candidate import Candidate
from penjing.select.plan import Plan, make_plan
from penjing.select.task_need import need_of_task
from penjing.spec import Task
from penjing.units import show_seconds

_NONE_INSTALLED = {
    "translate": "translates",
    "image": "knows pictures",
    "audio": "knows sounds",
    "fused": "fuses inputs",
}


@dataclass(frozen=True)
class Chosen:
    """A model, and why it."""

    model: str
    says: str


def choose_model(task: Task) -> Chosen:
    """Return the first candidate of the task's plan whose package is installed; to translate and of
    pictures, a model from nothing.

    No network is used. A model that the budget rules out by the low end of its range is none.

    Raises:
        ModelError: none is installed that fits.
        DataError: the data cannot be read.
    """
    if task.kind in _NONE_INSTALLED:
        what = _NONE_INSTALLED[task.kind]
        return Chosen("new", f"new: no package has a model that {what}; name one with `model`, if you have it")
    need, _ = need_of_task(task, said={"offline": True})
    plan = make_plan(need, read_prices())
    here = installed_models()
    for candidate in plan.candidates:
        if candidate.model in here:
            return Chosen(candidate.model, f"{candidate.model}: {_expected(candidate, task)}")
    raise ModelError(
        "no model that fits is installed",
        value=", ".join(sorted(here)) or "none is",
        rule="; ".join(_reasons(plan)),
        next_step="Install one (penjing plan task.toml --offline), or name a model in the task",
    )


def installed_models() -> dict[str, str]:
    """Return the references of the packages with a model that are installed, each with its package."""
    here = {name.lower() for found in metadata.distributions() if (name := found.metadata["Name"])}
    packages = {
        f"package:{name}": package.distribution
        for name, package in model_packages().items()
        if package.layout != "whisper"
    }
    for name, package in gguf_packages().items():
        packages[f"package:{name}"] = package.requirements[0].partition("==")[0]
    return {reference: name for reference, name in packages.items() if name.lower() in here}


def _expected(candidate: Candidate, task: Task) -> str:
    train, limit_s = candidate.time["train"], task.budget.train_time
    found = f"{train.low:.0f} to {train.high:.0f} s" if train.high < 100 else (
        f"{show_seconds(train.low)} to {show_seconds(train.high)}"
    )  # fmt: skip
    short = "" if limit_s is None or train.low <= limit_s else f", and {show_seconds(limit_s)} are allowed: shortened"
    return f"{candidate.reasons[0]}; training is expected to take {found}{short}"


def _reasons(plan: Plan) -> list[str]:
    """Return which models would fit, else what rules out the nearest that a package ships."""
    fitting = [one.model for one in plan.candidates if one.model and one.fits]
    if fitting:
        return [f"{model} fits" for model in dict.fromkeys(fitting[:3])]
    shipped = {model.name for model in catalog_models() if model.package}
    return [f"{one.name}: {one.reasons[0]}" for one in plan.rejected if one.name.split(",")[0] in shipped][:3]
