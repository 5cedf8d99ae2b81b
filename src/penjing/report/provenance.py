"""Where the figures come from: the data, the machine, the commands."""

from __future__ import annotations

import json

from penjing.report import show
from penjing.report.figures import bar
from penjing.report.markup import Child, Markup, data, el, join
from penjing.report.model import RunReport
from penjing.report.tables import Column, definitions, folded, number, row, table
from penjing.report.words import Words

_COMMANDS = ("rebuild", "predict", "bench", "verify")


def data_section(run: RunReport, *, say: Words) -> Markup:
    """Return how many examples there were, and what was done to them."""
    facts = run.data
    rows: list[tuple[Markup, Child]] = [
        (say("data.source"), data(facts.source)),
        (say("data.train"), say("data.examples", n=show.count(facts.train))),
        (say("data.dev"), say("data.examples", n=show.count(facts.dev))),
        (
            say("data.test"),
            say("data.touched", n=show.count(facts.test), touches=show.count(run.test_touches)),
        ),
        *([(say("data.labels"), show.count(len(run.labels)))] if run.labels else []),
        (say("data.dropped"), show.count(facts.near_duplicates_dropped)),
    ]
    notes = el("ul", [el("li", data(note)) for note in facts.notes]) if facts.notes else None
    return join(definitions(rows), notes)


def measured_section(run: RunReport, *, say: Words) -> Markup:
    """Return how it was measured, on what, with which versions, and how long everything took."""
    taken = run.measurement
    machine = taken.machine
    writes = any(trial.latency and trial.latency.first_token_s is not None for trial in run.trials)
    rounds = say(
        "measured.how-writing" if writes else "measured.how",
        threads=show.count(taken.threads),
        batch=show.count(taken.batch_size),
        rounds=show.count(taken.rounds),
    )
    rows: list[tuple[Markup, Child]] = [
        (say("measured.cpu"), data(machine.cpu)),
        (say("measured.cores"), say("measured.cores-of", n=show.count(machine.cores), isa=data(machine.isa))),
        (say("measured.memory"), show.size(machine.memory_bytes)),
        (say("measured.system"), join(data(machine.system), ", Python ", data(machine.python))),
        (say("measured.versions"), _versions(taken.versions)),
    ]
    return join(
        el("p", rounds),
        el("p", say("measured.quality-writing" if writes else "measured.quality")),
        definitions(rows),
        _stages(run, say=say) if run.stages else None,
    )


def rebuild_section(run: RunReport, *, say: Words) -> Markup:
    """Return the commands, ready to copy, and the task as it was resolved."""
    lines = [(name, line) for name in _COMMANDS if (line := getattr(run.commands, name)) is not None]
    task = json.dumps(run.task, ensure_ascii=False, indent=2, default=str)
    return join(
        [[el("p", say(f"commands.{name}"), class_="command"), _code(line)] for name, line in lines],
        folded(say("commands.task"), _code(task)),
    )


def _code(text: str) -> Markup:
    return el("pre", el("code", text), tabindex=0, translate="no")


def _versions(versions: dict[str, str]) -> Markup:
    return join([el("span", data(f"{name} {version}"), class_="version") for name, version in sorted(versions.items())])


def _stages(run: RunReport, *, say: Words) -> Markup:
    total = sum(stage.seconds for stage in run.stages if not stage.reused)
    largest = max(stage.seconds for stage in run.stages) or 1.0
    columns = [
        Column(say.pair("stages.name")),
        Column(say.pair("stages.time"), "number"),
        Column(say.pair("stages.bar"), "drawn"),
    ]
    rows = [
        row(
            join(data(stage.name), el("small", say("stages.reused")) if stage.reused else None),
            number(show.duration(stage.seconds), stage.seconds),
            el("td", bar(stage.seconds / largest), class_="drawn"),
        )
        for stage in run.stages
    ]
    return table(columns, rows, caption=say.pair("stages.caption", total=show.duration(total)), kind="plain")
