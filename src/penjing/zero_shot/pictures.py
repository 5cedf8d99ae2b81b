"""Pictures labelled by a model that knows pictures and texts: CLIP or SigLIP, by the labels' names alone.

Sources: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision" (CLIP); Zhai et
al. 2023, "Sigmoid Loss for Language Image Pre-Training" (SigLIP).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from penjing.bundle.manifest import Outputs
from penjing.bundle.read import Prediction, predictions
from penjing.errors import MissingExtraError, ModelError, TaskError
from penjing.pictures.frame import Frame, Pixels, framed
from penjing.pictures.read import Source
from penjing.train.model_folder import WEIGHTS, check_folder, read_config
from penjing.train.references import download_from_hub
from penjing.train.vision_checkpoint import checkpoint_frame, pixel_scaling

_BATCH = 32
PROMPT = "a photo of a {}"
ARCHITECTURES = ("clip", "siglip")
_FILES = (
    "config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "vocab.json", "merges.txt", "spiece.model", WEIGHTS, "README.md",
)  # fmt: skip


def label_pictures(
    pictures: Sequence[Source | Pixels], labels: Sequence[str], *, model: str, prompt: str = PROMPT
) -> list[Prediction]:
    """Return one prediction a picture, by the names of the labels; `prompt` is a sentence with {} for a name.

    Raises:
        TaskError: there are no two labels.
        ModelError: the model cannot be had, or is neither CLIP nor SigLIP.
        DataError: a picture cannot be read.
    """
    names = tuple(dict.fromkeys(labels))
    if len(names) < 2 or "{}" not in prompt:
        raise TaskError("a choice needs two labels, and a prompt with {} for them", value=f"{names}, {prompt!r}")
    opened, tokenizer, frame, scaling = _opened(model)
    length = opened.config.text_config.max_position_embeddings
    told = tokenizer(
        [prompt.replace("{}", name) for name in names],
        padding="max_length", max_length=length, truncation=True, return_tensors="pt",
    )  # fmt: skip
    asked = {name: told[name] for name in ("input_ids", "attention_mask") if name in told}
    if opened.config.model_type == "siglip":
        asked.pop("attention_mask", None)  # it was trained without: padding is read
    found = []
    for start in range(0, len(pictures), _BATCH):
        pixels = np.stack([framed(picture, frame) for picture in pictures[start : start + _BATCH]])
        with torch.inference_mode():
            logits = opened(pixel_values=_scaled(pixels, *scaling), **asked).logits_per_image.numpy()
        found += predictions(logits, Outputs(labels=names))
    return found


def _scaled(pixels: Pixels, mean: tuple[float, ...], deviation: tuple[float, ...]) -> torch.Tensor:
    found = (pixels.astype(np.float32) - np.array(mean, np.float32)) / np.array(deviation, np.float32)
    return torch.from_numpy(found).permute(0, 3, 1, 2)


@lru_cache(maxsize=1)
def _opened(reference: str) -> tuple[Any, Any, Frame, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Return the model, its tokenizer, and how it reads pictures."""
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise MissingExtraError("transformers", extra="image") from None
    scheme, colon, name = reference.partition(":")
    hub = bool(colon) and scheme == "hf"
    if not hub and not Path(reference).expanduser().is_dir():
        raise ModelError("model not found", value=reference, rule="hf:org/name or a local folder: CLIP or SigLIP")
    folder = download_from_hub(name, reference=reference, files=_FILES) if hub else Path(reference).expanduser()
    check_folder(folder, needed=("config.json", WEIGHTS))
    config = read_config(folder)
    if config["model_type"] not in ARCHITECTURES:
        raise ModelError(
            "this model does not compare pictures with texts",
            value=config["model_type"],
            rule=f"one of {', '.join(ARCHITECTURES)}",
            next_step="Use hf:google/siglip-base-patch16-224, or a CLIP in safetensors",
        )
    opened = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return opened.eval(), tokenizer, checkpoint_frame(folder), pixel_scaling(folder)
