"""penjing bench: bundles measured side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    bundles: Annotated[list[Path] | None, typer.Argument(help="Bundles' folders.", show_default=False)] = None,
    *,
    url: Annotated[
        str | None, typer.Option(help="A server that runs, to be measured under load.", show_default=False)
    ] = None,
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
    rates: Annotated[str, typer.Option(help="With --url: requests a second, one after another.")] = "5,20,50,100,200",
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="With --url: of each rate.")] = 5.0,
    model: Annotated[str | None, typer.Option(help="With --url: which model.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Measure latency, throughput, memory and size of bundles, taking turns in processes of their own.

    Latency is from text to answer; of bundles that write, an answer is 64 tokens. A difference that is within the
    noise is said to be so. With --url requests arrive by chance at several rates, whether earlier ones were answered
    or not, and the highest rate that the server bears is named; its key is read from PENJING_API_KEY.
    Exit code: 0 all were measured, 2 a bundle could not be.

    Examples:

      penjing bench runs/reviews/bundle

      penjing bench runs/reviews/bundle runs/other/bundle --input reviews.csv --column review --threads 1

      penjing bench --url http://localhost:8000 --rates 50,100,200 --seconds 10
    """
    import os

    from penjing.cli.bench_load import bench_load
    from penjing.cli.bench_measure import measure_bundles
    from penjing.cli.bench_show import as_plain, show_bench
    from penjing.errors import TaskError

    if url is not None:
        wanted = _rates(rates)
        key = os.environ.get("PENJING_API_KEY")
        bench_load(
            url, source=input_, column=column, rates=wanted, seconds=seconds, model=model, key=key, as_json=as_json
        )
        return
    if not bundles:
        raise TaskError("nothing to measure", rule="bundles' folders, or --url", next_step="penjing bench --help")
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


def _rates(text: str) -> list[float]:
    from penjing.errors import TaskError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise TaskError("--rates are no numbers", value=text, rule="such as 10,50,100") from None
