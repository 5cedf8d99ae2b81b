"""Text engines: what writes text. One file each, one small protocol, chosen by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from penjing.engines.text.base import TextEngine
from penjing.errors import EngineError

TEXT_ENGINES = {
    "llamacpp": "penjing.engines.text.llamacpp:LlamaCpp",
    "openvino-genai": "penjing.engines.text.openvino_genai:OpenVinoGenAi",
    "transformers": "penjing.engines.text.transformers:Transformers",
}


def open_text_engine(name: str, path: Path, *, threads: int, context: int, parallel: int = 1) -> TextEngine:
    """Return the engine `name` with the model at `path`, in this process.

    llama.cpp can answer several requests at once (`parallel`), each with a context of its own; the others answer one.

    Raises:
        EngineError: there is no such engine, or it cannot load the model.
        MissingExtraError: its library is not installed.
    """
    if name not in TEXT_ENGINES:
        raise EngineError("unknown engine", value=name, rule=f"one of {', '.join(TEXT_ENGINES)}")
    module, _, attribute = TEXT_ENGINES[name].partition(":")
    several = {"parallel": parallel} if name == "llamacpp" else {}
    made = getattr(import_module(module), attribute)(path, threads=threads, context=context, **several)
    return cast(TextEngine, made)
