"""What a run on sounds does its own way: the spectrogram, what changes while a model learns, golden sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penjing.data.labelled_files import SOUNDS, Listed, Medium
from penjing.data.sounds import seconds_of_most
from penjing.engines.pixels import Framing
from penjing.errors import TaskError
from penjing.recipe import Augmentation
from penjing.search.pixels.context import PixelContext
from penjing.shape import VisionSize
from penjing.sounds.read import flac
from penjing.sounds.spectrogram import Spectrogram
from penjing.spec import Task
from penjing.train.references import PretrainedModel, resolve_sound_model
from penjing.train.sound_checkpoint import MOMENTS_A_SECOND, checkpoint_bands

_SMALL, _LARGE = 64, 128  # bands, and moments, that a new model sees
_SHORT_S = 1.3  # up to which it sees few
_MOST_NEW_S, _MOST_CHECKPOINT_S = 5.0, 10.0
_GOLDEN = 32


class Hearing:
    """Sounds."""

    medium: Medium = SOUNDS

    def resolve(self, reference: str, cache: Path) -> PretrainedModel:
        """Return the model of sounds that `reference` names."""
        return resolve_sound_model(reference, cache=cache)

    def framing(self, parts: Mapping[str, Sequence[Listed]], task: Task, model: PretrainedModel | None) -> Framing:
        """Return a spectrogram for sounds like these: for a new model as high as it is wide, else the checkpoint's."""
        recipe = task.recipe
        most = _MOST_NEW_S if model is None else _MOST_CHECKPOINT_S
        seconds = recipe.seconds or seconds_of_most(parts["train"], most=most, seed=task.data.seed)
        if model is not None:
            moments = max(10, round(MOMENTS_A_SECOND * seconds / 10) * 10)
            return Spectrogram(
                bands=checkpoint_bands(model.folder), moments=moments, seconds=moments / MOMENTS_A_SECOND
            )
        size = recipe.vit.image or (_SMALL if seconds <= _SHORT_S else _LARGE)
        patch = recipe.vit.patch or VisionSize.usual_patch(size)
        if size % patch or size < Spectrogram.model_fields["bands"].metadata[0].ge:
            raise TaskError(
                "spectrograms of this size cannot be looked at",
                value=f"{size} x {size}",
                rule=f"a multiple of the patch ({patch}), at least 8",
                next_step="Correct recipe.vit",
            )
        return Spectrogram(bands=size, moments=size, seconds=seconds)

    def restore(self, settings: Mapping[str, Any]) -> Framing:
        """Return the spectrogram that a stage kept."""
        return Spectrogram.model_validate({name: value for name, value in settings.items() if name != "type"})

    def golden(self, context: PixelContext) -> list[bytes]:
        """Return what a model hears of some sounds of dev, as FLAC files."""
        assert isinstance(context.framing, Spectrogram)
        return [flac(context.framing.heard(path)) for path in context.timed()[:_GOLDEN]]

    def augmentation(self, epochs: float) -> Augmentation:
        """Return "specaugment": other voices and rooms are what a model will meet."""
        return "specaugment"
