"""A small convolutional network with residual blocks: who teaches a Vision Transformer that starts from nothing.

Convolutions know that neighbouring pixels belong together, which a Transformer has to learn from many pictures.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition", in the form for small pictures.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from penjing.train.encoder import Part
from penjing.train.vision import VisionOutput

_WIDTHS = (32, 64, 128)
_SAVED = "convnet.safetensors"
_SMALL = 64  # pixels a side, above which pictures are first made smaller


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(after)
        same = before == after and stride == 1
        self.beside = nn.Identity() if same else nn.Conv2d(before, after, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(inner)) + self.beside(x))


class ConvNet(nn.Module):
    """A residual network for pixels of 0 to 255, (batch, size, size, channels).

    >>> ConvNet(labels=3, image=8, mean=(127.5,), deviation=(64.0,))(torch.zeros(2, 8, 8, 1)).logits.shape
    torch.Size([2, 3])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        *,
        labels: int,
        image: int,
        mean: tuple[float, ...],
        deviation: tuple[float, ...],
        widths: tuple[int, ...] = _WIDTHS,
    ) -> None:
        super().__init__()
        self.sizes = {"labels": labels, "image": image, "mean": mean, "deviation": deviation, "widths": widths}
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None])
        step = 1 if image <= _SMALL else 4
        self.stem = nn.Conv2d(len(mean), widths[0], 3 if step == 1 else 7, stride=step, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.blocks = nn.Sequential(
            _Residual(widths[0], widths[0], stride=1),
            *(_Residual(before, after, stride=2) for before, after in pairwise(widths)),
        )
        self.head = nn.Linear(widths[-1], labels)

    def forward(self, pixels: Tensor, targets: Tensor | None = None, part: Part | None = None) -> VisionOutput:
        """Return answers to `pixels`; it has no parts."""
        x = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.deviation
        x = F.relu(self.stem_norm(self.stem(x.contiguous(memory_format=torch.channels_last))))
        pooled = self.blocks(x).mean((2, 3))
        logits = self.head(pooled)
        return VisionOutput(logits, pooled, (logits,), pixels, logits if targets is None else targets)

    def set_dropout(self, share: float) -> None:
        """Leave nothing out: it has batch normalization instead."""

    def parameter_count(self) -> int:
        """Return the number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())


def new_convnet(
    *, labels: int, image: int, mean: tuple[float, ...], deviation: tuple[float, ...], seed: int
) -> ConvNet:
    """Return a network that knows nothing yet."""
    torch.manual_seed(seed)
    return ConvNet(labels=labels, image=image, mean=mean, deviation=deviation)


def save_convnet(model: ConvNet, folder: Path) -> None:
    """Write convnet.safetensors and convnet.json into `folder`, which exists."""
    save_file({name: value.detach().contiguous() for name, value in model.state_dict().items()}, folder / _SAVED)
    (folder / "convnet.json").write_text(json.dumps(model.sizes), encoding="utf-8")


def load_convnet(folder: Path) -> ConvNet:
    """Return the network that `save_convnet` wrote."""
    sizes = json.loads((folder / "convnet.json").read_text(encoding="utf-8"))
    model = ConvNet(
        labels=sizes["labels"],
        image=sizes["image"],
        mean=tuple(sizes["mean"]),
        deviation=tuple(sizes["deviation"]),
        widths=tuple(sizes["widths"]),
    )
    model.load_state_dict(load_file(folder / _SAVED))
    return model.eval()
