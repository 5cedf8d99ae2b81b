"""A GGUF file rewritten: some of its values and tensors changed, everything else as it lies, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import MissingExtraError, ModelError
from penjing.gguf.header import read_header

_DAMAGE = (ValueError, LookupError, TypeError, OverflowError)  # what the gguf package raises where bytes make no sense


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor as it is stored: rows of bytes, or of numbers where its type is one of those."""

    data: NDArray[Any]
    type_name: str


@dataclass(frozen=True)
class GgufFile:
    """An open GGUF file whose header was checked; nothing is read before it is asked for."""

    path: Path
    architecture: str
    fields: Mapping[str, Any]
    """The values of the header by name, as the gguf package reads them."""
    tensors: Mapping[str, Any]

    def value(self, name: str, default: Any = None) -> Any:
        """Return the value `name` of the header; raise ModelError where it is damaged."""
        field = self.fields.get(name)
        try:
            return default if field is None else field.contents()
        except _DAMAGE as error:
            raise _damaged(self.path, error) from None

    def stored(self, name: str) -> Stored:
        """Return a tensor as it lies in the file."""
        tensor = self.tensors[name]
        return Stored(tensor.data, tensor.tensor_type.name)


def open_gguf(path: Path) -> GgufFile:
    """Return the file at `path`.

    Raises:
        ModelError: it is damaged.
        MissingExtraError: the `gguf` package is not installed.
    """
    header = read_header(path)
    library = gguf_library()
    if not header.architecture:
        raise ModelError("the GGUF file names no architecture", value=str(path), rule="general.architecture")
    try:
        reader = library.GGUFReader(path)
    except _DAMAGE as error:
        raise _damaged(path, error) from None
    fields = {field.name: field for field in reader.fields.values()}
    return GgufFile(path, header.architecture, fields, {tensor.name: tensor for tensor in reader.tensors})


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError("the GGUF file is damaged", value=str(path), rule=f"{type(error).__name__}: {error}")


def rewrite(
    source: GgufFile,
    target: Path,
    *,
    values: Mapping[str, Any],
    tensors: Mapping[str, Stored],
    names: Mapping[str, str] | None = None,
) -> None:
    """Write `source` to `target` with other `values` of the header and other `tensors`; `target` appears when whole.

    `names` are the tensors that stay, each with its new name; without it all do, as they are called.
    """
    gguf = gguf_library()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        writer = gguf.GGUFWriter(partial, source.architecture)
        _write_header(gguf, writer, source, values)
        _write_tensors(gguf, writer, source, tensors, names or {name: name for name in source.tensors})
        writer.close()
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _write_header(gguf: Any, writer: Any, source: GgufFile, values: Mapping[str, Any]) -> None:
    array = gguf.GGUFValueType.ARRAY
    for name, field in source.fields.items():
        if name == "general.architecture" or name.startswith("GGUF."):
            continue  # the writer's own
        sub_type = field.types[-1] if field.types[0] == array else None
        value = values[name] if name in values else field.contents()
        writer.add_key_value(name, value, field.types[0], sub_type=sub_type)


def _write_tensors(
    gguf: Any, writer: Any, source: GgufFile, tensors: Mapping[str, Stored], names: Mapping[str, str]
) -> None:
    stored = [(name, tensors.get(old) or source.stored(old)) for old, name in names.items()]
    for name, tensor in stored:
        data, kind = tensor.data, gguf.GGMLQuantizationType[tensor.type_name]
        writer.add_tensor_info(name, data.shape, data.dtype, data.nbytes, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, tensor in stored:
        writer.write_tensor_data(np.ascontiguousarray(tensor.data))


def gguf_library() -> Any:
    """Return the `gguf` package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import gguf
    except ImportError:
        raise MissingExtraError("gguf", extra="llamacpp") from None
    return gguf
