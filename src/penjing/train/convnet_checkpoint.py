"""A convnet of a checkpoint as a teacher: transformers' own module, fine-tuned, for pixels of 0 to 255."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from penjing.errors import MissingExtraError, ModelError
from penjing.train.encoder import Part
from penjing.train.model_folder import read_config
from penjing.train.vision import VisionOutput
from penjing.train.vision_checkpoint import pixel_scaling

CONVNETS = ("resnet", "convnext", "convnextv2", "regnet", "mobilenet_v2", "efficientnet")


class CheckpointConvNet(nn.Module):
    """A convnet that transformers knows, for pixels of 0 to 255, (batch, size, size, channels)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: Any, *, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation), persistent=False)

    def forward(self, pixels: Tensor, targets: Tensor | None = None, part: Part | None = None) -> VisionOutput:
        """Return answers to `pixels`; it has no parts. Grey ones are repeated for each colour."""
        colours = pixels.float().expand(-1, -1, -1, len(self.mean))
        logits = self.network(((colours - self.mean) / self.deviation).permute(0, 3, 1, 2)).logits
        return VisionOutput(logits, logits, (logits,), pixels, logits if targets is None else targets)

    def set_dropout(self, share: float) -> None:
        """Leave it as its configuration says."""

    def parameter_count(self) -> int:
        """Return the number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())


def load_checkpoint_convnet(folder: Path, *, labels: int, seed: int) -> CheckpointConvNet:
    """Return the convnet in `folder` with a fresh head for so many labels.

    Raises:
        ModelError: it is no convnet that is known.
        MissingExtraError: transformers is not installed.
    """
    torch.manual_seed(seed)
    model = _opened(folder, num_labels=labels, ignore_mismatched_sizes=True)
    heads = [module for module in model.network.modules() if isinstance(module, nn.Linear)]
    heads[-1].reset_parameters()  # a head with as many labels would be kept, whatever they mean
    return model


def save_checkpoint_convnet(model: CheckpointConvNet, folder: Path) -> None:
    """Write the network as transformers does, with how its pixels are scaled, into `folder`, which exists."""
    model.network.save_pretrained(folder)
    scaling = {"image_mean": (model.mean / 255).tolist(), "image_std": (model.deviation / 255).tolist()}
    (folder / "preprocessor_config.json").write_text(json.dumps(scaling), encoding="utf-8")


def read_checkpoint_convnet(folder: Path) -> CheckpointConvNet:
    """Return what `save_checkpoint_convnet` wrote."""
    return _opened(folder)


def _opened(folder: Path, **told: Any) -> CheckpointConvNet:
    kind = read_config(folder)["model_type"]
    if kind not in CONVNETS:
        raise ModelError("not a convnet that is known", value=kind, rule=f"one of {', '.join(CONVNETS)}")
    try:
        from transformers import AutoModelForImageClassification
    except ImportError:
        raise MissingExtraError("transformers", extra="image") from None
    network = AutoModelForImageClassification.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, **told
    )
    mean, deviation = pixel_scaling(folder)
    return CheckpointConvNet(network, mean=mean, deviation=deviation).eval()
