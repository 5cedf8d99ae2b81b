"""penjing predict: answer texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.", show_default=False)],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to answer.", show_default=False)] = None,
    input_: Annotated[
        str | None,
        typer.Option("--input", "-i", help="A .txt (a text a line), .csv, .tsv, .jsonl or .parquet file; - is stdin."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")] = None,
    column: Annotated[str, typer.Option(help="The column that holds the text.")] = "text",
    format_: Annotated[str | None, typer.Option("--format", help="jsonl or csv. [default: by --output]")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1024, help="Texts answered at once.")] = 32,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 2,
    engine: Annotated[str | None, typer.Option(help="Another engine than the bundle's own: openvino.")] = None,
) -> None:
    """Answer texts with a bundle: from the command line, a file or stdin, as JSON lines or CSV.

    Files are streamed: one larger than memory works. Torch is not needed.

    Examples:

      penjing predict runs/reviews/bundle "我非常喜欢人工智能。" "太差了"

      penjing predict runs/reviews/bundle --input reviews.csv --column review --output answers.csv

      cat reviews.txt | penjing predict runs/reviews/bundle --input - > answers.jsonl
    """
    from penjing.bundle.read import load
    from penjing.cli.console import counted
    from penjing.cli.texts import read_texts
    from penjing.cli.write import open_output, writer_for

    wanted = read_texts(texts, input_, column=column, usage='penjing predict BUNDLE "some text"')
    opened = load(bundle, engine=engine, threads=threads)
    if opened.manifest.provisional:
        typer.echo("note: this bundle is provisional, its run had not ended; penjing fit goes on with it", err=True)
    with open_output(output) as file:
        write = writer_for(format_, output, file, opened.manifest.outputs)
        answers = opened.stream(wanted, batch_size=batch_size)
        for text, prediction in counted(answers) if input_ and output else answers:
            write(text, prediction)
