"""What a folder of a pretrained model must be: safetensors, a fast tokenizer, a config; never a pickle."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from penjing.errors import ModelError
from penjing.files import file_sha256
from penjing.train.families import family_of
from penjing.units import show_size

WEIGHTS = "model.safetensors"
_MEANING = (
    "config.json",
    "tokenizer.json",
    "modules.json",
    "1_Pooling/config.json",
    "preprocessor_config.json",
)  # beside the weights
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")

_LIMITS = {"config.json": 10_000_000, "tokenizer.json": 200_000_000, WEIGHTS: 20_000_000_000}
_MOST_TENSORS = 100_000
_HEADS = frozenset({"classifier.weight", "classifier.out_proj.weight", "classifier.dense.weight", "score.weight"})


def check_folder(folder: Path, *, needed: Sequence[str] = tuple(_LIMITS)) -> None:
    """Pass if `folder` holds the files that are needed (config.json, model.safetensors, …), of sensible sizes.

    Raises:
        ModelError: it holds a pickle or a bundle instead, a file is missing or too large, or is not what its
            name says.
    """
    _refuse_bundle(folder)
    if not (folder / WEIGHTS).is_file():
        raise _no_weights(folder)
    for name in needed:
        path = folder / name
        if not path.is_file():
            raise _missing(folder, name, needed)
        if path.stat().st_size > _LIMITS[name]:
            raise ModelError(
                f"{path} is too large",
                value=show_size(path.stat().st_size),
                rule=f"at most {show_size(_LIMITS[name])}",
                next_step="Check that this is the model you mean",
            )
    _header(folder / WEIGHTS)
    read_config(folder)


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json; raise ModelError where it is not one."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{folder / 'config.json'} is not JSON", value=str(error), rule="UTF-8 JSON") from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelError(
            f"{folder / 'config.json'} does not say what the model is",
            rule="a JSON object with `model_type`",
            next_step="Download the model again",
        )
    return config


def has_trained_classifier(folder: Path) -> bool:
    """Return whether the checkpoint carries the head of a classifier: in its config and in its weights."""
    architectures = read_config(folder).get("architectures") or ()
    stated = any(str(name).endswith("ForSequenceClassification") for name in architectures)
    return stated and not _HEADS.isdisjoint(_header(folder / WEIGHTS))


def classifier_rows(folder: Path) -> int | None:
    """Return for how many labels the head of the checkpoint's family has rows; None where there is no such head.

    Raises:
        ModelError: the architecture is none of the BERT family.
    """
    family = family_of(read_config(folder))
    with safe_open(folder / WEIGHTS, framework="numpy") as file:
        names = {name.removeprefix(family.prefix): name for name in file.keys()}  # noqa: SIM118 (no mapping)
        whole = {f"{family.head}.weight", f"{family.head}.bias"} <= set(names)
        if not whole or not any(f"{dense}.weight" in names for dense in family.dense):
            return None
        shape: list[int] = file.get_slice(names[f"{family.head}.weight"]).get_shape()
    return shape[0]


def content_key(folder: Path, *, weights_sha256: str | None) -> str:
    """Return a SHA-256 of all that a model's answers depend on, given that of its weights."""
    found = {name: file_sha256(folder / name) for name in _MEANING if (folder / name).is_file()}
    return hashlib.sha256(json.dumps([weights_sha256, found], sort_keys=True).encode()).hexdigest()


def stated_licence(folder: Path) -> str:
    """Return the licence that the folder's model card states, or "not stated"."""
    card = folder / "README.md"
    if not card.is_file():
        return "not stated"
    start = card.read_bytes()[:100_000].decode("utf-8", "replace")
    front = re.match(r"---\n(.*?)\n---", start, flags=re.DOTALL)
    found = re.search(r"^license:\s*[\"']?([\w.-]+)", front[1] if front else "", flags=re.MULTILINE)
    return found[1] if found else "not stated"


def refuse_pickle(path: Path) -> ModelError:
    """Return the error for a checkpoint that could run code when it is opened, with the way to convert it."""
    code = (
        "import torch; from safetensors.torch import save_file; "
        f"save_file(torch.load('{path.name}', weights_only=True), '{WEIGHTS}')"
    )
    return ModelError(
        "a pickle checkpoint is refused",
        value=str(path),
        rule="safetensors only: opening a pickle can run code",
        next_step=f'If you trust it, convert it in its folder: python -c "{code}"',
    )


def _refuse_bundle(folder: Path) -> None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(manifest, dict) and manifest.get("format") == "penjing-bundle":
        origin = manifest.get("origin")
        base = origin.get("reference") if isinstance(origin, dict) else None
        raise ModelError(
            "a bundle cannot be fine-tuned",
            value=str(folder),
            rule="bundles are for inference only",
            next_step=f'Start from the model it came from: model = "{base}"' if base else "Start from its base model",
        )


def _no_weights(folder: Path) -> ModelError:
    pickles = sorted(path for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        return refuse_pickle(pickles[0])
    if (folder / f"{WEIGHTS}.index.json").exists():
        return ModelError(
            "the weights are in several files",
            value=str(folder),
            rule=f"one {WEIGHTS}",
            next_step="Save the model again with a large max_shard_size",
        )
    return _missing(folder, WEIGHTS, (WEIGHTS,))


def _missing(folder: Path, name: str, needed: Sequence[str]) -> ModelError:
    steps = {
        "tokenizer.json": "Make it with transformers: "
        "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)",
    }  # fmt: skip
    return ModelError(
        f"{name} is missing",
        value=str(folder),
        rule=f"a model folder holds {', '.join(needed)}",
        next_step=steps.get(name, "Download the model again, or check the path"),
    )


def _header(path: Path) -> frozenset[str]:
    """Return the names of the tensors; the safetensors library checks the header and the offsets."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = frozenset(file.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged", value=str(error), next_step="Download the model again") from error
    if not 0 < len(names) <= _MOST_TENSORS:
        raise ModelError(f"{path} is not a model", value=f"{len(names)} tensors", rule=f"1 to {_MOST_TENSORS} tensors")
    return names
