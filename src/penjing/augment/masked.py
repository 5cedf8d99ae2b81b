"""A text told anew by a masked language model, which puts other words where some were hidden.

Source: Kumar et al. 2020, "Data Augmentation using Pre-trained Transformer Models"; Wu et al. 2019, "Conditional BERT
Contextual Augmentation".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from penjing.errors import MissingExtraError, ModelError
from penjing.train.references import resolve_model

_HIDDEN = 0.15  # of the pieces
_LIKELY = 10  # pieces to draw from at each place
_MOST_PIECES = 256


class MaskedModel:
    """A checkpoint with a masked-language-model head, of any family that transformers knows."""

    def __init__(self, reference: str, *, cache: Path, seed: int = 13) -> None:
        try:
            from transformers import AutoModelForMaskedLM
            from transformers.utils import logging
        except ImportError:
            raise MissingExtraError("transformers", extra="generate") from None

        logging.disable_progress_bar()
        folder = resolve_model(reference, cache=cache).folder
        try:
            model, loaded = AutoModelForMaskedLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
        except (OSError, ValueError) as error:
            raise ModelError("this model does not fill in hidden words", value=f"{reference}: {error}") from None
        if loaded["missing_keys"]:
            raise ModelError(
                "this model has no head that fills in hidden words",
                value=f"{reference}: without {', '.join(sorted(loaded['missing_keys'])[:3])}",
                rule="a checkpoint that was trained to fill them in",
            )
        self._model: Any = model.eval()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MOST_PIECES)
        self._mask = self._mask_piece(reference)
        self._special = [piece for piece, token in self._tokenizer.get_added_tokens_decoder().items() if token.special]
        self._draw = torch.Generator().manual_seed(seed)

    def __call__(self, text: str, times: int) -> list[str]:
        """Return `times` versions, each with about a seventh of the pieces written by the model."""
        encoded = self._tokenizer.encode(text)
        words = [place for place, special in enumerate(encoded.special_tokens_mask) if not special]
        if len(words) < 2:
            return []
        ids = torch.tensor([encoded.ids] * times)
        hidden = torch.zeros(times, len(encoded.ids), dtype=torch.bool)
        count = max(1, round(_HIDDEN * len(words)))
        for row in range(times):
            order = torch.randperm(len(words), generator=self._draw)[:count]
            hidden[row, torch.tensor(words)[order]] = True
        with torch.inference_mode():
            logits = self._model(input_ids=ids.masked_fill(hidden, self._mask)).logits[hidden]
        logits = logits.float().index_fill(1, torch.tensor(self._special), -torch.inf)
        scores, likely = logits.topk(min(_LIKELY, logits.shape[-1]), dim=-1)
        drawn = torch.multinomial(scores.softmax(-1), 1, generator=self._draw)
        ids[hidden] = likely.gather(1, drawn).squeeze(1)
        return [self._tokenizer.decode(row.tolist()) for row in ids]

    def _mask_piece(self, reference: str) -> int:
        for name in ("[MASK]", "<mask>"):
            piece = self._tokenizer.token_to_id(name)
            if piece is not None:
                return piece
        raise ModelError("the tokenizer has no piece that hides a word", value=reference, rule="[MASK] or <mask>")
