"""penjing export: a model that writes, for another engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def export(
    model: Annotated[
        str, typer.Argument(help="A bundle that writes text, gguf:FILE or package:NAME.", show_default=False)
    ],
    *,
    to: Annotated[Literal["openvino", "gguf"], typer.Option(help="What to write.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new folder (openvino) or .gguf file.", show_default=False)
    ],
) -> None:
    """Write a model's files for engines that know nothing of bundles.

    gguf is the file as it lies in the bundle, which llama.cpp opens. openvino is a folder for OpenVINO GenAI, made
    by its own reader of GGUF, which knows Llama and Qwen, and not every type of weights: the others become 8 bits.

    Examples:

      penjing export runs/answers/bundle --to gguf --output answers.gguf

      penjing export runs/answers/bundle --to openvino --output answers-openvino
    """
    from penjing.errors import TaskError
    from penjing.export.openvino_text import export_openvino
    from penjing.files import copy_file
    from penjing.generation.references import gguf_file
    from penjing.gguf import read_header
    from penjing.units import show_size

    source = gguf_file(model)
    if to == "gguf":
        if output.suffix != ".gguf" or output.exists():
            raise TaskError("--output is not a new file", value=str(output), rule="a name that ends with .gguf")
        read_header(source)
        copy_file(source, output)
        typer.echo(f"{output}: {show_size(output.stat().st_size)}")
        return
    done = export_openvino(source, output)
    typer.echo(f"{done.folder}: {show_size(done.size_bytes)}")
    if done.rounded:
        typer.echo(f"{len(done.rounded)} tensors are of types that OpenVINO does not read, and were rounded to 8 bits")
