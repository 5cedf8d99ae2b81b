"""penjing bench: bundles measured side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    bundles: Annotated[list[Path], typer.Argument(help="Bundles' folders.", show_default=False)],
    *,
    input_: Annotated[
        str | None,
        typer.Option(
            "--input",
            "-i",
            help="A .txt, .csv, .tsv, .jsonl or .parquet file; its first 1,000 texts are used; - is stdin. "
            "[default: the first bundle's golden texts]",
        ),
    ] = None,
    column: Annotated[str, typer.Option(help="The column that holds the text.")] = "text",
    engine: Annotated[
        str | None, typer.Option(help="Another engine than the bundles' own: openvino, openvino-genai.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of each bundle.")] = 2,
    batch_size: Annotated[int, typer.Option(min=1, max=1024, help="Texts answered at once.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Turns each bundle takes.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Measure latency, throughput, memory and size of bundles, taking turns in processes of their own.

    Latency is from text to answer; of bundles that write, an answer is 64 tokens. A difference that is within the
    noise is said to be so.
    Exit code: 0 all were measured, 2 a bundle could not be.

    Examples:

      penjing bench runs/reviews/bundle

      penjing bench runs/reviews/bundle runs/other/bundle --input reviews.csv --column review --threads 1
    """
    from penjing.cli.bench_measure import measure_bundles
    from penjing.cli.bench_show import as_plain, show_bench

    found = measure_bundles(
        bundles,
        source=input_,
        column=column,
        engine=engine,
        threads=threads,
        batch_size=batch_size,
        rounds=rounds,
    )
    if as_json:
        typer.echo(as_plain(found, threads=threads, batch_size=batch_size))
    else:
        show_bench(found, threads=threads, batch_size=batch_size)
    if any(row.measured.failed for row in found):
        raise typer.Exit(2)
