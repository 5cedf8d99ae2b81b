"""The head of the report: the answer in one sentence, the verdict, and four figures."""

from __future__ import annotations

from penjing.records import Trial, Verdict
from penjing.report import show
from penjing.report.facts import baseline, best_quality, gain, subject, trial_named
from penjing.report.markup import Markup, data, el
from penjing.report.model import RunReport
from penjing.report.words import Pair, Words, joined, same, spans
from penjing.spec import LESS_IS_BETTER


def headline(run: RunReport, *, say: Words) -> Markup:
    """Return the top of the page; it makes sense without the rest."""
    about = subject(run)
    return el(
        "header",
        el("p", say("head.kind", name=data(run.name)), class_="kicker"),
        el("h1", spans(_answer(run, about, say=say))),
        _verdict(run, say=say),
        _figures(run, about, say=say) if about else None,
        _warning(run, say=say),
        el("p", say("head.asked", text=_asked(run, say=say)), class_="asked"),
        el("p", say("head.why" if run.chosen else "head.gap", text=data(run.reason)), class_="asked"),
        id="top",
    )


def _answer(run: RunReport, about: Trial | None, *, say: Words) -> Pair:
    if about is None:
        return say.pair("answer.nothing")
    name = el("strong", data(about.name))
    clauses = joined(_clauses(run, about, say=say), en=", ", zh="，")
    advantage = _advantage(run, about, say=say)
    if run.chosen is None:
        key = "answer.nearest"
    else:
        word = run.verdict.word if run.verdict else "undecided"
        key = f"answer.{word.replace(' ', '-')}"
    return say.pair(key, name=name, figures=clauses, advantage=advantage)


def _clauses(run: RunReport, about: Trial, *, say: Words) -> list[Pair]:
    found = []
    quality = best_quality(run, about)
    if about.size_bytes is not None:
        found.append(same(show.size(about.size_bytes)))
    if about.latency is not None:
        key = "answer.p50" if about.latency.first_token_s is None else "answer.p50-writing"
        found.append(say.pair(key, p50=show.latency(about.latency.p50_s)))
    if quality is not None:
        found.append(
            say.pair(
                f"answer.quality.{quality.split if quality.split == 'test' else 'dev'}",
                metric=say.pair(f"metric.{run.bar.metric}"),
                value=show.quality(quality.value, run.bar.metric),
                ci=show.interval(quality.ci, run.bar.metric),
            )
        )
    return found


def _advantage(run: RunReport, about: Trial, *, say: Words) -> Pair:
    if about.name == run.teacher:
        return say.pair("advantage.teacher")
    found = gain(about, teacher=trial_named(run, run.teacher))
    claims = []
    if found.smaller is not None and found.smaller >= 1.05:
        claims.append(say.pair("advantage.smaller", times=show.times(found.smaller)))
    if found.speed == "faster" and found.factor is not None and found.factor >= 1.05:
        claims.append(say.pair("advantage.faster", times=show.times(found.factor)))
    if not claims:
        return say.pair("advantage.none")
    return say.pair("advantage.some", claims=joined(claims, en=" and ", zh="、"))


def _verdict(run: RunReport, *, say: Words) -> Markup:
    verdict = run.verdict
    if verdict is None:
        return el("p", say("verdict.none"), class_="verdict")
    sentences = [
        say.pair("verdict.probability", probability=show.probability(verdict.probability), n=show.count(verdict.n)),
        *_drop(run, verdict, say=say),
    ]
    if verdict.n_to_decide:
        sentences.append(say.pair("verdict.decide", n=show.count(verdict.n_to_decide)))
    return el("p", word(verdict, say=say), " ", spans(joined(sentences, en=" ", zh="")), class_="verdict")


def _drop(run: RunReport, verdict: Verdict, *, say: Words) -> list[Pair]:
    if verdict.drop is None or verdict.drop_ci is None:
        return []
    metric = run.bar.metric
    unit = say.pair(f"unit.{show.unit(metric)}")
    drop, ci = show.digits(verdict.drop, metric), show.interval(verdict.drop_ci, metric)
    return [say.pair(f"verdict.{_worse(metric)}", drop=drop, ci=ci, unit=unit)]


def _worse(metric: str) -> str:
    """Return what getting worse is: a drop, or where less is better a rise."""
    return "rise" if metric in LESS_IS_BETTER else "drop"


def word(verdict: Verdict, *, say: Words) -> Markup:
    """Return met, undecided or not met, as a word with a colour."""
    key = verdict.word.replace(" ", "-")
    return el("span", say(f"outcome.{key}"), class_=f"word {key}")


def _figures(run: RunReport, about: Trial, *, say: Words) -> Markup:
    teacher = trial_named(run, run.teacher)
    rows = [_size_figure(about, teacher, say=say), _speed_figure(about, teacher, say=say)]
    rows += [_quality_figure(run, about, teacher, say=say), _memory_figure(about, teacher, say=say)]
    return el("dl", [row for row in rows if row], class_="figures")


def _figure(name: Markup, value: str, note: Markup | None) -> Markup:
    return el("div", el("dt", name), el("dd", value, class_="value"), el("dd", note) if note else None)


def _size_figure(about: Trial, teacher: Trial, *, say: Words) -> Markup | None:
    if about.size_bytes is None:
        return None
    note = say("figure.teacher", value=show.size(teacher.size_bytes)) if teacher.size_bytes else None
    return _figure(say("figure.size"), show.size(about.size_bytes), note)


def _speed_figure(about: Trial, teacher: Trial, *, say: Words) -> Markup | None:
    if about.latency is None:
        return None
    found = gain(about, teacher=teacher)
    note = None
    if about.name != teacher.name and found.speed == "alike":
        note = say("figure.alike")
    elif about.name != teacher.name and found.speed == "slower" and found.factor is not None:
        note = say("figure.slower", times=show.times(found.factor))
    elif teacher.latency is not None:
        note = say("figure.teacher", value=show.latency(teacher.latency.p50_s))
    return _figure(say("figure.p50"), show.latency(about.latency.p50_s), note)


def _quality_figure(run: RunReport, about: Trial, teacher: Trial, *, say: Words) -> Markup | None:
    quality, rival = best_quality(run, about), best_quality(run, teacher)
    if quality is None:
        return None
    metric = run.bar.metric
    name = say(f"figure.{'test' if quality.split == 'test' else 'dev'}", metric=say.pair(f"metric.{metric}"))
    note = say("figure.teacher", value=show.quality(rival.value, metric)) if rival else None
    return _figure(name, show.quality(quality.value, metric), note)


def _memory_figure(about: Trial, teacher: Trial, *, say: Words) -> Markup | None:
    if about.memory_bytes is None:
        return None
    note = say("figure.teacher", value=show.size(teacher.memory_bytes)) if teacher.memory_bytes else None
    return _figure(say("figure.memory"), show.size(about.memory_bytes), note)


def _warning(run: RunReport, *, say: Words) -> Markup | None:
    linear = baseline(run)
    if not run.baseline_wins or linear is None:
        return None
    key = "warning.chosen" if run.chosen == linear.name else "warning.wins"
    return el("p", say(key), class_="warning", role="note")


def _asked(run: RunReport, *, say: Words) -> Pair:
    bar, budget = run.bar, run.budget
    limits = []
    metric = say.pair(f"metric.{bar.metric}")
    if bar.at_least is not None:
        limits.append(
            say.pair("asked.at-least", metric=metric, value=show.limit(show.quality(bar.at_least, bar.metric)))
        )
    if bar.at_most is not None:
        limits.append(say.pair("asked.at-most", metric=metric, value=show.quality(bar.at_most, bar.metric)))
    worse = _worse(bar.metric)
    if isinstance(bar.drop_at_most, str):
        limits.append(say.pair(f"asked.relative-{worse}", metric=metric, value=bar.drop_at_most))
    elif bar.drop_at_most is not None:
        drop = show.limit(show.digits(bar.drop_at_most, bar.metric))
        kind = show.unit(bar.metric)
        unit = say.pair("unit.point" if (kind, drop) == ("points", "1") else f"unit.{kind}")
        limits.append(say.pair(f"asked.{worse}", metric=metric, value=drop, unit=unit))
    if budget.size is not None:
        limits.append(say.pair("asked.size", value=show.limit(show.size(budget.size))))
    if budget.latency_p50 is not None:
        limits.append(say.pair("asked.p50", value=show.limit(show.latency(budget.latency_p50))))
    if budget.latency_p95 is not None:
        limits.append(say.pair("asked.p95", value=show.limit(show.latency(budget.latency_p95))))
    if budget.memory is not None:
        limits.append(say.pair("asked.memory", value=show.limit(show.size(budget.memory))))
    if budget.train_time is not None:
        limits.append(say.pair("asked.train", value=show.duration(budget.train_time)))
    return say.pair(
        "asked.all",
        limits=joined(limits, en="; ", zh="；"),
        confidence=show.probability(bar.confidence),
        objective=say.pair(f"asked.{run.objective}-objective"),
    )
