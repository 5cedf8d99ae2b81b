"""penjing augment: more training examples out of those there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from penjing.augment.made import Augmented, Way
    from penjing.data.dataset import Example
    from penjing.spec import DataSpec

_WAYS = {"words": 0, "masked": 1, "back": 2, "paraphrase": 1}


def augment(
    task: Annotated[Path, typer.Argument(help="A task file that is to classify.", show_default=False)],
    write: Annotated[Path, typer.Option("--write", help="A new .csv file.", show_default=False)],
    by: Annotated[str, typer.Option(help="words, masked, back or paraphrase.")] = "words",
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="masked: a checkpoint; paraphrase: what writes; back: twice, there and back.", show_default=False
        ),
    ] = None,
    times: Annotated[int, typer.Option(min=1, max=16, help="Versions of each text, at most.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many training texts, drawn by label.")] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Of local models.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="What was made and gained, as JSON.")] = False,
) -> None:
    """Tell training texts anew, keep those that keep their label, and measure what they are worth.

    words: some left out or swapped; masked: some written by a masked language model; back: translated into another
    language and back; paraphrase: said in other words by a model that writes. The gain is that of quick models on dev,
    with its interval; nothing, or less, is common where examples are many. Then: data.more in the task file.

    Examples:

      penjing augment task.toml --write more.csv

      penjing augment task.toml --by paraphrase --model openai:gpt-4o-mini --times 4 --write more.csv

      penjing augment task.toml --by back --model runs/en-zh/bundle --model runs/zh-en/bundle --write more.csv

      penjing fit task.toml --set data.more=more.csv
    """
    from rich.console import Console

    from penjing.cli.augment_need import classified_splits
    from penjing.cli.augment_show import show_augmented
    from penjing.errors import TaskError

    models = model or []
    if by not in _WAYS:
        raise TaskError("--by names no way", value=by, rule=", ".join(_WAYS))
    if len(models) != _WAYS[by]:
        raise TaskError(f"--by {by} takes {_WAYS[by]} of --model", value=f"{len(models)}")
    spec, splits = classified_splits(task, write)
    from penjing.augment.gain import measured_gains
    from penjing.augment.made import augmented
    from penjing.augment.write import write_examples
    from penjing.cli.progress import StageBars
    from penjing.data.dataset import Example
    from penjing.data.further import MADE_FROM
    from penjing.select.probes import installed
    from penjing.train.cached_folder import default_cache

    with StageBars(Console(stderr=True)) as reporter, _way(by, models, threads) as way:
        found = augmented(splits.train, way, times=times, limit=limit, reporter=reporter)
        write_examples(write, _rows(found, splits.train, spec), columns=(spec.text, spec.label, MADE_FROM))
        more = [Example(one.text, (one.label,)) for one in found.made]
        gains = measured_gains(
            splits, more, sources=[one.source for one in found.made], models=installed(), cache=default_cache(),
            reporter=reporter,
        )  # fmt: skip
    show_augmented(found, gains, write, task, as_json=as_json)


def _rows(found: Augmented, examples: Sequence[Example], spec: DataSpec) -> list[dict[str, str]]:
    from penjing.data.further import MADE_FROM, source_mark

    return [
        {spec.text: one.text, spec.label: one.label, MADE_FROM: source_mark(examples[one.source].text)}
        for one in found.made
    ]


@contextmanager
def _way(by: str, models: list[str], threads: int) -> Iterator[Way]:
    """Open what tells texts anew."""
    if by == "words":
        from penjing.augment.words import ChangedWords

        yield ChangedWords()
    elif by == "masked":
        from penjing.augment.masked import MaskedModel
        from penjing.train.cached_folder import default_cache

        yield MaskedModel(models[0], cache=default_cache())
    elif by == "paraphrase":
        from penjing.augment.retold import OtherWords
        from penjing.generation.references import open_text_model

        with open_text_model(models[0], threads=threads) as opened:
            yield OtherWords(opened)
    else:
        from penjing.augment.retold import ThereAndBack
        from penjing.translation.references import open_translator

        with open_translator(models[0], threads=threads) as there, open_translator(models[1], threads=threads) as back:
            yield ThereAndBack(there, back)
