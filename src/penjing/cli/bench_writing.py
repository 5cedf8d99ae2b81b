"""Measures bundles that write text for `penjing bench`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from penjing.bundle.read import read_manifest
from penjing.engines.text.process import worker_command
from penjing.errors import TaskError
from penjing.generation.golden import golden_prompts
from penjing.gguf import read_header
from penjing.measure.latency import Measured
from penjing.measure.text_speed import Prompt, TextSpeed, measure_text

_CONTEXT, _PROMPT_CHARACTERS = 2048, 240


def measure_writing(
    bundles: Sequence[Path],
    texts: Sequence[str] | None,
    *,
    engine: str | None,
    threads: int,
    batch_size: int,
    rounds: int,
    progress: Callable[[float, float], None],
) -> dict[str, Measured]:
    """Return the figures of each bundle by its path, on the beginnings of `texts`, else on the first's golden prompts.

    Raises:
        BundleError: the first has no golden prompts.
        TaskError: a batch is asked for.
        DataError: there are fewer than two prompts; none is used twice, since what was read before is in a cache.
    """
    if batch_size != 1:
        raise TaskError("bundles that write are measured one prompt at a time", value=f"--batch-size {batch_size}")
    prompts: Sequence[Prompt] = (
        golden_prompts(bundles[0])
        if texts is None
        else list(dict.fromkeys(text[:_PROMPT_CHARACTERS] for text in texts))
    )
    found = measure_text(
        {str(bundle): _command(bundle, engine, threads=threads) for bundle in bundles},
        prompts,
        threads=threads,
        rounds=max(1, min(rounds, len(prompts) - 1)),
        progress=progress,
    )
    return {name: _measured(speed, threads=threads) for name, speed in found.items()}


def _command(bundle: Path, engine: str | None, *, threads: int) -> tuple[str, list[str]]:
    manifest = read_manifest(bundle)
    path, name = bundle / manifest.model, engine or manifest.engine
    context = min(_CONTEXT, read_header(path).context_length or _CONTEXT)
    return name, worker_command(name, path, threads=threads, context=context)


def _measured(speed: TextSpeed, *, threads: int) -> Measured:
    if speed.failed or not speed.token_s:
        return Measured(None, None, None, speed.failed or "it wrote one token or none")
    return Measured(speed.latency(threads=threads), speed.memory_bytes, 1 / median(speed.token_s))
