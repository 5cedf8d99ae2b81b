"""A checkpoint that translates, written for CTranslate2: float32 or int8, with the checkpoint's own pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from penjing.engines.translate.ctranslate2 import CONFIG, MODEL, NAMES, VOCABULARY
from penjing.errors import ExportError, MissingExtraError, ModelError
from penjing.train.piece_table import PieceTable

Precision = Literal["float32", "int8"]
_LOADERS = {
    "marian": "MarianMTLoader", "m2m_100": "M2M100Loader", "mbart": "MBartLoader", "bart": "BartLoader",
    "pegasus": "PegasusLoader",
}  # fmt: skip


def write_ctranslate2(model: Any, table: PieceTable, folder: Path, *, precision: Precision) -> list[str]:
    """Write `model`, a transformers checkpoint with the pieces of `table`, into `folder`, named as bundles have it;
    return the files' names. Pieces that its tokenizer has in the same order have no file of their own.

    Raises:
        ModelError: this architecture does not translate, or has another number of pieces.
        ExportError: CTranslate2 refuses the weights.
        MissingExtraError: ctranslate2 is not installed.
    """
    try:
        from ctranslate2.converters import transformers as converters
    except ImportError:
        raise MissingExtraError("ctranslate2", extra="translate") from None
    family = model.config.model_type
    name = _LOADERS.get(family)
    if not name:
        raise ModelError(
            "models of this kind are not known to translate", value=family, rule=", ".join(sorted(_LOADERS))
        )
    loader = getattr(converters, name)()
    if family == "m2m_100":
        for side in (model.model.encoder, model.model.decoder):
            side.embed_positions.offset = model.config.pad_token_id + 1  # where transformers begins to count
    words = list(table.names)
    try:
        with torch.no_grad():
            spec = loader.get_model_spec(model)
            if family == "marian":
                words = words[: model.config.vocab_size - 1]  # its last piece pads, and CTranslate2 drops the row
            if family == "m2m_100":
                _leave_out_positions(model, spec)
            loader.set_vocabulary(spec, words)
            spec.config.unk_token, spec.config.eos_token = table.unknown, table.end
            spec.config.bos_token = table.start
            spec.config.decoder_start_token = table.end if family == "marian" else table.start
            spec.validate()
            spec.optimize(quantization=None if precision == "float32" else precision)
            folder.mkdir(parents=True, exist_ok=True)
            spec.save(str(folder))
    except (ValueError, KeyError, AttributeError, RuntimeError) as error:
        raise ExportError("CTranslate2 does not take this model", value=str(error)) from error
    for ours, theirs in NAMES.items():
        if (folder / theirs).is_file():
            (folder / theirs).rename(folder / ours)
    if tuple(words) == table.spelling.target_names:
        (folder / VOCABULARY).unlink()
        return [MODEL, CONFIG]
    return [MODEL, CONFIG, VOCABULARY]


def _leave_out_positions(model: Any, spec: Any) -> None:
    """Drop the table of positions where it is what CTranslate2 computes without one: sinusoids from 1 on."""
    from ctranslate2.specs.model_spec import OPTIONAL

    if model.config.pad_token_id == 0:
        for side in (spec.encoder, spec.decoder):
            side.position_encodings.encodings = OPTIONAL
