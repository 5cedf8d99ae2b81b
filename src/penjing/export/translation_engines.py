"""The engines that a checkpoint that translates can be written for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from penjing.engines.translate.ctranslate2 import MODEL
from penjing.engines.translate.onnxruntime import DECODER
from penjing.export.ctranslate2 import write_ctranslate2
from penjing.export.onnx_translation import write_onnx_translation

TranslationEngine = Literal["ctranslate2", "onnxruntime"]


@dataclass(frozen=True, slots=True)
class Target:
    """How a checkpoint is written for an engine, and which of the files is its model."""

    write: Callable[..., list[str]]
    model: str


TARGETS: Mapping[TranslationEngine, Target] = {
    "ctranslate2": Target(write_ctranslate2, MODEL),
    "onnxruntime": Target(write_onnx_translation, DECODER),
}
