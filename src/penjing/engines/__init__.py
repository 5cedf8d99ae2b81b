"""Engines: what runs a bundle. One file each, one small protocol, chosen by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from penjing.engines.base import Batch, Encoder, Engine, Item, Logits
from penjing.errors import EngineError

ENGINES = {
    "linear": "penjing.engines.linear:LinearEngine",
    "onnxruntime": "penjing.engines.onnxruntime:OnnxRuntimeEngine",
    "openvino": "penjing.engines.openvino:OpenVinoEngine",
}


def open_engine(name: str, path: Path, *, threads: int) -> Engine:
    """Return the engine `name` with the model at `path`.

    Raises:
        EngineError: there is no such engine, or it cannot load the model.
        MissingExtraError: its library is not installed.
    """
    if name not in ENGINES:
        raise EngineError("unknown engine", value=name, rule=f"one of {', '.join(ENGINES)}")
    module, _, attribute = ENGINES[name].partition(":")
    return cast(Engine, getattr(import_module(module), attribute)(path, threads=threads))


__all__ = ["ENGINES", "Batch", "Encoder", "Engine", "Item", "Logits", "open_engine"]
