"""What a run on pictures does its own way: how files are framed, what changes while a model learns, golden pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penjing.data.labelled_files import PICTURES, Listed, Medium
from penjing.data.pictures import frame_for
from penjing.engines.pixels import Framing
from penjing.errors import TaskError
from penjing.pictures.frame import Frame, png
from penjing.recipe import Augmentation, Recipe
from penjing.search.pixels.context import PixelContext
from penjing.shape import VisionSize
from penjing.spec import Task
from penjing.train.model_folder import read_config
from penjing.train.references import PretrainedModel, resolve_picture_model
from penjing.train.vision_checkpoint import checkpoint_frame

_CHANGED_FROM = 20.0  # passes from which on pictures are changed: before that, a model does not know them by heart
_GOLDEN, _LARGE = 64, 128  # golden pictures, of which there are fewer where they have more pixels a side than that


class Sight:
    """Pictures."""

    medium: Medium = PICTURES

    def resolve(self, reference: str, cache: Path) -> PretrainedModel:
        """Return the model of pictures that `reference` names."""
        return resolve_picture_model(reference)

    def framing(self, parts: Mapping[str, Sequence[Listed]], task: Task, model: PretrainedModel | None) -> Framing:
        """Return the checkpoint's frame; without one, a frame for pictures like these."""
        size = task.recipe.vit.image
        if model is not None:
            frame = checkpoint_frame(model.folder)
        else:
            frame = frame_for(parts["train"], seed=task.data.seed)
            frame = frame if size is None else frame.model_copy(update={"size": size})
        _check_sizes(task.recipe, frame, model)
        return frame

    def restore(self, settings: Mapping[str, Any]) -> Framing:
        """Return the frame that a stage kept."""
        return Frame.model_validate({name: value for name, value in settings.items() if name != "type"})

    def golden(self, context: PixelContext) -> list[bytes]:
        """Return framed pictures as PNG files."""
        pixels = context.pixels["dev"]
        count = _GOLDEN if context.side <= _LARGE else _GOLDEN // 4
        rows = np.random.default_rng(context.seed).permutation(len(pixels))[:count]
        return [png(pixels[row]) for row in sorted(rows)]

    def augmentation(self, epochs: float) -> Augmentation:
        """Return "shift" where pictures are seen often."""
        return "none" if epochs < _CHANGED_FROM else "shift"


def _check_sizes(recipe: Recipe, frame: Frame, model: PretrainedModel | None) -> None:
    """Refuse patches that do not divide the pictures before anything is trained."""
    if model is None:
        patch = recipe.vit.patch or VisionSize.usual_patch(frame.size)
    else:
        patch = int(read_config(model.folder)["patch_size"])
    for side in (frame.size, *recipe.sizes):
        if side % patch or side > frame.size:
            raise TaskError(
                "pictures of this size cannot be looked at",
                value=f"{side} x {side}",
                rule=f"a multiple of the patch ({patch}), at most {frame.size}",
                next_step="Correct recipe.vit or recipe.sizes",
            )
