"""penjing trim: a language model with a smaller vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_FEWEST_TO_JUDGE = 100


def trim(
    model: Annotated[str, typer.Argument(help="gguf:FILE or package:NAME.", show_default=False)],
    *,
    texts: Annotated[
        str,
        typer.Option(
            help="Texts of your domain: .txt (one a line), .csv, .tsv, .jsonl or .parquet.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new .gguf file.", show_default=False)],
    column: Annotated[str, typer.Option(help="The column that holds the text.")] = "text",
    size: Annotated[
        int | None, typer.Option(min=1, help="Pieces to keep. [default: those of the texts, and frequent ones]")
    ] = None,
) -> None:
    """Drop the pieces of a GGUF model's vocabulary that your domain does not use; what stays is not rounded.

    A text whose pieces all stay is read as before; any other is spelt with smaller pieces. The last tenth
    of 100 texts or more is not used to choose, but to say how many are read as before.

    Examples:

      penjing trim package:gemma3-270m --texts tickets.csv --column message --output gemma-tickets.gguf

      penjing generate gguf:gemma-tickets.gguf "Dear customer,"
    """
    from penjing.cli.texts import read_texts
    from penjing.errors import DataError, TaskError
    from penjing.generation.references import gguf_source
    from penjing.shrink.gguf_vocabulary import share_unchanged, trim_gguf
    from penjing.units import show_size

    source = gguf_source(model)
    if output.suffix != ".gguf" or output.resolve() == source.resolve():
        raise TaskError("--output is not a new file", value=str(output), rule="another name than the model's, .gguf")
    found = [text for text in read_texts(None, texts, column=column, usage="penjing trim MODEL") if text.strip()]
    if not found:
        raise DataError("no texts", value=texts)
    held_out = found[-(len(found) // 10) :] if len(found) >= _FEWEST_TO_JUDGE else []
    chosen_on = found[: len(found) - len(held_out)]
    done = trim_gguf(source, output, chosen_on, size=size)
    typer.echo(
        f"{done.pieces_before:,} -> {done.pieces_after:,} pieces, "
        f"{show_size(done.bytes_before)} -> {show_size(done.bytes_after)}: {output}"
    )
    if held_out:
        share = share_unchanged(source, output, held_out)
        typer.echo(f"{share:.1%} of {len(held_out):,} texts that were not looked at are read as before")
