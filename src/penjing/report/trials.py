"""The trials table: every candidate with what was measured, the losing ones too."""

from __future__ import annotations

from penjing.records import Trial
from penjing.report import show
from penjing.report.facts import baseline, best_quality, gain, trial_named
from penjing.report.frontier import anchor
from penjing.report.markup import Markup, data, el, join
from penjing.report.model import RunReport
from penjing.report.tables import Column, cell, number, row, table
from penjing.report.words import Words, joined, spans


def trials_section(run: RunReport, *, say: Words) -> Markup:
    """Return one row a trial, in the order they were made."""
    drop_unit = say.pair(f"unit.{show.unit(run.bar.metric)}-short")
    columns = [
        Column(say.pair("trials.name")),
        Column(say.pair("trials.quality", metric=say.pair(f"metric.{run.bar.metric}")), "number"),
        Column(say.pair("trials.drop", unit=drop_unit), "number"),
        *(
            Column(say.pair(f"trials.{name}"), "number")
            for name in ("size", "p50", "p95", "memory", "parameters", "train")
        ),
        Column(say.pair("trials.outcome")),
    ]
    caption = say.pair("trials.caption", n=_dev_n(run))
    return table(
        columns,
        [_row(run, t, say=say) for t in run.trials],
        caption=caption,
        kind="trials",
        sortable="sortable",
    )


def baseline_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return the answer to: does this task need a transformer at all?"""
    linear, teacher = baseline(run), trial_named(run, run.teacher)
    if linear is None:
        return None
    ours, theirs = best_quality(run, linear), best_quality(run, teacher)
    if ours is None or theirs is None or ours.split != theirs.split:
        ours, theirs = linear.quality, teacher.quality
    if ours is None or theirs is None:
        return el("p", say("baseline.unmeasured", reason=data(linear.failed or "–")))
    metric = run.bar.metric
    found = gain(linear, teacher=teacher)
    compared = say.pair(
        "baseline.compared",
        name=data(linear.name),
        metric=say.pair(f"metric.{metric}"),
        value=show.quality(ours.value, metric),
        ci=show.interval(ours.ci, metric),
        teacher=show.quality(theirs.value, metric),
        split=say.pair(f"split.{'test' if ours.split == 'test' else 'dev'}"),
    )
    sentences = [say.pair("baseline.wins" if run.baseline_wins else "baseline.loses"), compared]
    if found.smaller is not None and found.smaller >= 1.05:
        sentences.append(say.pair("baseline.smaller", times=show.times(found.smaller)))
    if found.speed == "faster" and found.factor is not None:
        sentences.append(say.pair("baseline.faster", times=show.times(found.factor)))
    return el("p", spans(joined(sentences, en=" ", zh="")), class_="lead")


def _dev_n(run: RunReport) -> str:
    return show.count(next((t.quality.n for t in run.trials if t.quality), run.data.dev))


def _row(run: RunReport, trial: Trial, *, say: Words) -> Markup:
    name = join(
        data(trial.name),
        el("small", data(show.recipe(trial.recipe)) if trial.recipe else say(f"role.{trial.role}")),
    )
    latency = trial.latency
    size, memory, weights, trained = trial.size_bytes, trial.memory_bytes, trial.parameters, trial.train_s
    return row(
        name,
        _quality(run, trial),
        _drop(run, trial),
        _measured(size, show.size(size) if size is not None else ""),
        _p50(trial, say=say),
        _measured(latency.p95_s if latency else None, show.latency(latency.p95_s) if latency else ""),
        _measured(memory, show.size(memory) if memory is not None else ""),
        _measured(weights, show.parameters(weights) if weights is not None else ""),
        _measured(trained, show.duration(trained) if trained is not None else ""),
        cell(_outcome(run, trial, say=say), class_="outcome"),
        id=anchor(run, trial),
        class_="chosen" if trial.name == run.chosen else None,
    )


def _measured(value: float | None, shown: str) -> Markup:
    return number(show.NOT_MEASURED) if value is None else number(shown, value)


def _p50(trial: Trial, *, say: Words) -> Markup:
    if trial.latency is None:
        return number(show.NOT_MEASURED)
    shown, predicted = show.latency(trial.latency.p50_s), trial.predicted_p50_s
    if predicted is None:
        return number(shown, trial.latency.p50_s)
    small = el("small", say("trials.predicted", latency=show.latency(predicted)), class_="line")
    return number(join(shown, small), trial.latency.p50_s)


def _quality(run: RunReport, trial: Trial) -> Markup:
    if trial.quality is None:
        return number(show.NOT_MEASURED)
    value, ci, metric = trial.quality.value, trial.quality.ci, run.bar.metric
    half = f"±{show.digits((ci.high - ci.low) / 2, metric)}"
    return number(join(show.digits(value, metric), " ", el("small", half)), value)


def _drop(run: RunReport, trial: Trial) -> Markup:
    verdict = trial.verdict
    if trial.name == run.teacher or verdict is None or verdict.drop is None:
        return number(show.NOT_MEASURED)
    ci = el("small", show.interval(verdict.drop_ci, run.bar.metric)) if verdict.drop_ci else None
    return number(join(show.digits(verdict.drop, run.bar.metric), ci), verdict.drop)


def _outcome(run: RunReport, trial: Trial, *, say: Words) -> Markup:
    marks = [
        _word("chosen", say=say) if trial.name == run.chosen else None,
        _word("nearest", say=say) if trial.name == run.nearest and run.chosen is None else None,
        _state(run, trial, say=say),
        join(_word("over-budget", say=say), _lines(trial.over_budget)) if trial.over_budget else None,
        _lines(trial.notes) if trial.notes else None,
    ]
    return join([el("div", mark) for mark in marks if mark])


def _lines(texts: tuple[str, ...]) -> Markup:
    return join([el("small", data(text), class_="line") for text in texts])


def _state(run: RunReport, trial: Trial, *, say: Words) -> Markup:
    if trial.failed is not None:
        return join(_word("failed", say=say), _lines((trial.failed,)))
    if trial.verdict is None:
        return _word("reference" if trial.name == run.teacher else "not-measured", say=say)
    probability = show.probability(trial.verdict.probability)
    return join(_word(trial.verdict.word.replace(" ", "-"), say=say), " ", el("small", f"P = {probability}"))


def _word(kind: str, *, say: Words) -> Markup:
    return el("span", say(f"outcome.{kind}"), class_=f"word {kind}")
