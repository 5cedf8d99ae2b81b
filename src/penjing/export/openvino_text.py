"""A GGUF file as an OpenVINO folder: openvino_model.xml with its weights, and the tokenizer as OpenVINO models.

OpenVINO GenAI's own GGUF reader makes the graph (its documentation, "GGUF models": `enable_save_ov_model`). It knows
some architectures and some types of ggml; tensors of other types are rounded once more, to eight bits.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from penjing.errors import MissingExtraError, ModelError
from penjing.files import storage_error, sync
from penjing.gguf.file import GgufFile, Stored, open_gguf, rewrite
from penjing.gguf.quantize import dequantize, quantize
from penjing.measure.size import folder_size

_ARCHITECTURES = ("llama", "qwen2", "qwen3")
_READ = ("F32", "F16", "Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q6_K")
MODEL = "openvino_model.xml"
Wanted = Literal["as stored", "F16"]


@dataclass(frozen=True, slots=True)
class OpenVinoFolder:
    """What was written."""

    folder: Path
    size_bytes: int
    rounded: tuple[str, ...]
    """Tensors that were rounded once more."""


def export_openvino(source: Path, folder: Path, *, weights: Wanted = "as stored") -> OpenVinoFolder:
    """Write the model in the GGUF file `source` into the new `folder`; it appears when whole.

    Weights stay in their types where the reader knows these, or are all widened to F16.

    Raises:
        ModelError: the reader does not know this kind of model, or `folder` is there already.
        MissingExtraError: openvino-genai is not installed.
        StorageError: the disk is full or not writable.
    """
    try:
        return _export(source, folder, weights)
    except OSError as error:
        raise storage_error(error, folder) from error


def _export(source: Path, folder: Path, weights: Wanted) -> OpenVinoFolder:
    if folder.exists():
        raise ModelError("the output is there already", value=str(folder), rule="a new folder")
    file = open_gguf(source)
    if file.architecture not in _ARCHITECTURES:
        raise _cannot_read(source, f"{file.architecture} is not one of {', '.join(_ARCHITECTURES)}")
    others = tuple(name for name in file.tensors if file.stored(name).type_name not in _kept(weights))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".openvino-") as temporary:
        readable, made = Path(temporary) / "model.gguf", Path(temporary) / "made"
        rewrite(file, readable, values={}, tensors={name: _restored(file, name, weights) for name in others})
        _convert(readable, named=source)
        made.mkdir()
        for path in sorted(Path(temporary).glob("openvino_*")):
            shutil.move(path, made / path.name)
            sync(made / path.name)
        made.rename(folder)
    return OpenVinoFolder(folder, folder_size(folder), others if weights == "as stored" else ())


def _kept(weights: Wanted) -> tuple[str, ...]:
    return _READ if weights == "as stored" else ("F32", "F16")


def _restored(file: GgufFile, name: str, weights: Wanted) -> Stored:
    stored = file.stored(name)
    values = dequantize(stored.data, stored.type_name)
    return Stored(values.astype(np.float16), "F16") if weights == "F16" else Stored(quantize(values, "Q8_0"), "Q8_0")


def _convert(path: Path, *, named: Path) -> None:
    """Let OpenVINO GenAI write its files beside `path`."""
    try:
        import openvino_genai
    except ImportError:
        raise MissingExtraError("openvino-genai", extra="openvino") from None
    try:
        openvino_genai.LLMPipeline(str(path), "CPU", enable_save_ov_model=True)
    except (RuntimeError, IndexError) as error:
        raise _cannot_read(named, str(error).strip().splitlines()[-1]) from None


def _cannot_read(source: Path, reason: str) -> ModelError:
    return ModelError("OpenVINO GenAI's GGUF reader cannot read this model", value=source.name, rule=reason)
