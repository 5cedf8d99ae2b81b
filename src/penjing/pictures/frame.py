"""How a picture becomes the square of pixels that a model reads."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from penjing.pictures.read import Source, read_picture
from penjing.records import Record

if TYPE_CHECKING:
    from PIL.Image import Image

FRAME_TYPE = "pixels"
_MARK = "penjing-framed"
Pixels = NDArray[np.uint8]
"""(height, width, channels)."""


class Frame(Record):
    """The square a model reads, and how pictures of other shapes become it.

    cover: the shorter side is scaled to `size / share` and the middle is cut out; stretch: both sides are scaled.
    """

    size: int
    """Pixels a side."""
    channels: Literal[1, 3] = 3
    way: Literal["cover", "stretch"] = "cover"
    share: float = 1.0
    """How much of the shorter side is read; less than 1 where a margin is left out."""
    resample: Literal["bilinear", "bicubic"] = "bicubic"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the pixels: rows, columns, channels."""
        return (self.size, self.size, self.channels)

    def read(self, source: Source | Pixels) -> Pixels:
        """Return the pixels of a picture, as `framed` does."""
        return framed(source, self)

    def settings(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        return {"type": FRAME_TYPE, **self.model_dump()}


def framed(source: Source | Pixels, frame: Frame) -> Pixels:
    """Return the pixels, (size, size, channels) in uint8, of a picture.

    Pixels that come as an array, or as a PNG file of `png`, were framed already: they are scaled, nothing is cut off.

    Raises:
        DataError: the picture cannot be read.
    """
    if isinstance(source, np.ndarray):
        return source if source.shape == frame.shape else _scaled(source, frame)
    image = read_picture(source, at_least=round(2 * frame.size / frame.share))
    whole = image.info.get(_MARK) == "yes"
    return frame_picture(image, frame.model_copy(update={"share": 1.0}) if whole else frame)


def _scaled(pixels: Pixels, frame: Frame) -> Pixels:
    from PIL import Image

    whole = frame.model_copy(update={"share": 1.0})
    return frame_picture(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels), whole)


def frame_picture(image: Image, frame: Frame) -> Pixels:
    """Return the pixels, (size, size, channels) in uint8, of a picture in mode RGB or L."""
    from PIL.Image import Resampling

    box = _box(image.width, image.height, frame)
    mode = "L" if frame.channels == 1 else "RGB"
    side = (frame.size, frame.size)
    if image.size != side or box != (0, 0, *side):
        image = image.resize(side, Resampling[frame.resample.upper()], box=box, reducing_gap=3.0)
    found = np.asarray(image if image.mode == mode else image.convert(mode), np.uint8)
    return found.reshape(frame.shape)


def png(pixels: Pixels) -> bytes:
    """Return framed pixels as a PNG file, which says that it is framed: `framed` reads the same pixels again."""
    from PIL import Image, PngImagePlugin

    file, mark = BytesIO(), PngImagePlugin.PngInfo()
    mark.add_text(_MARK, "yes")
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG", pnginfo=mark)
    return file.getvalue()


def _box(width: int, height: int, frame: Frame) -> tuple[float, float, float, float]:
    """Return which part of a picture is read: left, upper, right, lower.

    >>> _box(40, 20, Frame(size=10))
    (10.0, 0.0, 30.0, 20.0)
    """
    if frame.way == "stretch":
        return (0, 0, width, height)
    side = min(width, height) * frame.share
    left, upper = (width - side) / 2, (height - side) / 2
    return (left, upper, left + side, upper + side)
