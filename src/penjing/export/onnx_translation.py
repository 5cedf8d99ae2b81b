"""A checkpoint that translates, as two ONNX graphs of standard operators for the portable engine.

`encoder.onnx` reads a source once and returns what every block of the decoder attends to; `decoder.onnx` writes one
piece of each row, and hands back the keys and values of what was written so far. Both find the embeddings in
`weights.data`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto

from penjing.engines.translate.onnxruntime import DECODER, ENCODER, PIECES, WEIGHTS
from penjing.errors import ModelError
from penjing.export.ctranslate2 import Precision
from penjing.export.nodes import Array
from penjing.export.translation_graph import POSITIONS, WORDS, TranslatorShape, decoder_graph, encoder_graph
from penjing.files import write_bytes, write_text
from penjing.train.piece_table import PieceTable

_ACTIVATIONS = {"relu": ("Relu",), "gelu": ("Gelu",), "swish": ("Sigmoid", "Mul"), "silu": ("Sigmoid", "Mul")}
_NORMS_FIRST = {"m2m_100": True, "marian": False}
_NEVER = -10_000.0  # padding is not written
_PLACES = 272  # of a text: more than is read or written at once


def write_onnx_translation(model: Any, table: PieceTable, folder: Path, *, precision: Precision) -> list[str]:
    """Write `model`, a transformers checkpoint with the pieces of `table`, into `folder`; return the files' names.

    Raises:
        ModelError: this architecture is not known to translate, or has another number of pieces.
    """
    shape = _shape(model)
    weights = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}
    if len(weights[WORDS]) < len(table.names):
        raise ModelError(
            "the checkpoint has fewer pieces than its vocabulary",
            value=f"{len(weights[WORDS]):,} and {len(table.names):,}",
        )
    weights[POSITIONS] = _positions(model)
    if "final_logits_bias" in weights:
        bias = weights["final_logits_bias"].copy()
        bias[..., model.config.pad_token_id] = _NEVER
        weights["final_logits_bias"] = bias
    folder.mkdir(parents=True, exist_ok=True)
    shared = _Shared()
    for name, build in ((ENCODER, encoder_graph), (DECODER, decoder_graph)):
        proto = build(shape, weights, precision)
        shared.move(proto)
        onnx.save(proto, str(folder / name))
    write_bytes(folder / WEIGHTS, bytes(shared.content))
    said = {
        "start": table.start, "end": table.end, "unknown": table.unknown, "places": len(weights[POSITIONS]),
        "names": list(table.names),
    }  # fmt: skip
    write_text(folder / PIECES, json.dumps(said, ensure_ascii=False))
    return [ENCODER, DECODER, WEIGHTS, PIECES]


def _shape(model: Any) -> TranslatorShape:
    config = model.config
    activation = _ACTIVATIONS.get(config.activation_function)
    if config.model_type not in _NORMS_FIRST or activation is None:
        raise ModelError(
            "models of this kind are not written for ONNX Runtime",
            value=f"{config.model_type}, {config.activation_function}",
            rule=", ".join(sorted(_NORMS_FIRST)),
            next_step="Use CTranslate2",
        )
    return TranslatorShape(
        width=config.d_model,
        heads=config.encoder_attention_heads,
        encoder=config.encoder_layers,
        decoder=config.decoder_layers,
        norms_first=_NORMS_FIRST[config.model_type],
        activation=activation,
        scale=config.d_model**0.5 if config.scale_embedding else 1.0,
    )


def _positions(model: Any) -> Array:
    """Return what is added to the embedding at each place, (272, width) or fewer."""
    places = model.model.encoder.embed_positions
    if model.config.model_type == "m2m_100":
        with torch.no_grad():
            table = places(input_ids=torch.full((1, _PLACES), model.config.pad_token_id + 1))[0]
    else:
        table = places.weight[:_PLACES]
    return np.asarray(table.detach().float().numpy(), np.float16)


class _Shared:
    """Constants that both graphs read from one file."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._places: dict[str, tuple[int, int]] = {}

    def move(self, model: onnx.ModelProto) -> None:
        """Take the embeddings out of a graph and leave their place in the file."""
        for constant in model.graph.initializer:
            if not constant.name.startswith(("words", POSITIONS)):
                continue
            if constant.name not in self._places:
                self._places[constant.name] = (len(self.content), len(constant.raw_data))
                self.content += constant.raw_data
            offset, length = self._places[constant.name]
            constant.ClearField("raw_data")
            constant.data_location = TensorProto.EXTERNAL
            for key, value in (("location", WEIGHTS), ("offset", offset), ("length", length)):
                constant.external_data.add(key=key, value=str(value))
