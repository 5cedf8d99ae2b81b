"""Calibration: language models are timed here, and the two terms of writing a token are fitted to what they took.

A file is timed as it is and in other bits, each whole and, where its blocks are alike, with a third of them, so that
bytes and layers do not move together. What is said of a model's error comes from a fit without its family: without the
file in the same bits, at any depth.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from penjing.engines.text.process import worker_command
from penjing.errors import EngineError
from penjing.estimate.speed import DecodeLaw, fitted_law
from penjing.gguf.file import GgufFile, Stored, open_gguf, rewrite
from penjing.gguf.quantize import dequantize, fits, quantize
from penjing.measure.text_speed import ROUNDS, measure_text
from penjing.records import DecodeTerms, Record
from penjing.shrink.gguf_depth import ALIKE, block_count, drop_blocks

_SHARE = 1 / 3  # of the blocks
_EIGHT, _FOUR = "Q8_0", "Q4_0"
_CONTEXT = 512


class Timed(Record):
    """One model and what a token of it took; `others_s` is what other families say that it takes."""

    name: str
    family: str
    """Models of one file in the same bits."""
    layers: int
    read_bytes: float
    """What writing a token reads: every tensor, but of embeddings that are not the output's too."""
    token_s: float
    others_s: float = math.nan

    @property
    def error(self) -> float:
        """Return the relative error of what the others say."""
        return self.others_s / self.token_s - 1


class Calibration(Record):
    """The terms of this machine, and the models that they were fitted to."""

    terms: DecodeTerms
    models: tuple[Timed, ...]
    threads: int


def calibrate(
    files: Mapping[str, Path],
    *,
    threads: int,
    rounds: int = ROUNDS,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Calibration:
    """Return how fast llama.cpp writes here, from GGUF files by name, in a minute or so.

    Raises:
        ModelError: a file is damaged.
        EngineError: a model does not run.
        MissingExtraError: llama.cpp or the `gguf` package is not installed.
    """
    with TemporaryDirectory(prefix="penjing-calibrate-") as aside:
        variants = _variants(files, Path(aside))
        commands = {
            name: ("llamacpp", worker_command("llamacpp", path, threads=threads, context=_CONTEXT))
            for name, (_, path) in variants.items()
        }
        found = measure_text(commands, _prompts(rounds + 1), threads=threads, rounds=rounds, progress=progress)
        timed = []
        for name, (family, path) in variants.items():
            speed = found[name]
            if name in files and (speed.failed or not speed.token_s):
                raise EngineError(f"{name} does not write", value=speed.failed or "one token or none")
            if speed.token_s:  # what is cut or rounded may end at once
                timed.append(_timed(name, family, path, median(speed.token_s)))
    return fitted(timed, threads=threads)


def fitted(timed: Sequence[Timed], *, threads: int) -> Calibration:
    """Return the terms that fit, and each model beside what the others say of it.

    >>> deep = Timed(name="4 layers", family="deep", layers=4, read_bytes=8e6, token_s=1.0e-3)
    >>> flat = Timed(name="2 layers", family="flat", layers=2, read_bytes=8e6, token_s=0.9e-3)
    >>> terms = fitted([deep, flat], threads=2).terms
    >>> round(terms.bytes_per_s / 1e9), round(1e6 * terms.layer_s)
    (10, 50)

    Raises:
        DataError: there are fewer than two models.
    """
    models = tuple(one.model_copy(update={"others_s": _said(timed, one)}) for one in timed)
    law = _law(timed)
    errors = [abs(one.error) for one in models if math.isfinite(one.error)]
    terms = DecodeTerms(
        bytes_per_s=law.bytes_per_s, layer_s=law.layer_s, error=max(errors, default=None), threads=threads
    )
    return Calibration(terms=terms, models=models, threads=threads)


def _prompts(count: int) -> list[str]:
    return [f"Day {day}. The weather in the mountains was" for day in range(1, count + 1)]


def _law(timed: Sequence[Timed]) -> DecodeLaw:
    return fitted_law([one.read_bytes for one in timed], [one.layers for one in timed], [one.token_s for one in timed])


def _said(timed: Sequence[Timed], one: Timed) -> float:
    """Return what the law of other families gives for one; NaN where they are too few."""
    others = [other for other in timed if other.family != one.family]
    if len(others) < 2:
        return math.nan
    return _law(others).token(read_bytes=one.read_bytes, layers=one.layers).value


def _variants(files: Mapping[str, Path], aside: Path) -> dict[str, tuple[str, Path]]:
    """Return by name the family and the file of each model: as it is and in other bits, whole and with fewer blocks."""
    found: dict[str, tuple[str, Path]] = {}
    for place, (name, path) in enumerate(files.items()):
        source = open_gguf(path)
        other_type = _EIGHT if _main_type(source) != _EIGHT else _FOUR
        rounded = open_gguf(_rounded(source, aside / f"{place}-{other_type}.gguf", other_type))
        for title, file in ((name, source), (f"{name} in {other_type}", rounded)):
            found[title] = (title, file.path)
            blocks = block_count(source)
            depth = max(1, round(_SHARE * blocks))
            if file.architecture in ALIKE and depth < blocks:
                target = aside / f"{file.path.stem}-{depth}.gguf"
                drop_blocks(file, target, range(depth, blocks), tensors={})
                found[f"{title}, {depth} of {blocks} blocks"] = (title, target)
    return found


def _main_type(source: GgufFile) -> str:
    """Return the type that holds the most of the blocks' weights."""
    held: Counter[str] = Counter()
    for tensor in _matrices(source).values():
        held[tensor.tensor_type.name] += int(tensor.n_elements)
    return held.most_common(1)[0][0]


def _rounded(source: GgufFile, target: Path, type_name: str) -> Path:
    """Write the model with the matrices of its blocks in another type, of which speed alone is asked."""
    tensors = {}
    for name in _matrices(source):
        stored = source.stored(name)
        tensors[name] = Stored(quantize(dequantize(stored.data, stored.type_name), type_name), type_name)
    rewrite(source, target, values={}, tensors=tensors)
    return target


def _matrices(source: GgufFile) -> dict[str, Any]:
    return {
        name: tensor
        for name, tensor in source.tensors.items()
        if name.startswith("blk.") and len(tensor.shape) == 2 and fits(_EIGHT, int(tensor.shape[0]))
    }


def _timed(name: str, family: str, path: Path, token_s: float) -> Timed:
    source = open_gguf(path)
    return Timed(name=name, family=family, layers=block_count(source), read_bytes=_read_bytes(source), token_s=token_s)


def _read_bytes(source: GgufFile) -> float:
    untied = "output.weight" in source.tensors
    return float(
        sum(tensor.n_bytes for name, tensor in source.tensors.items() if not (untied and name == "token_embd.weight"))
    )
