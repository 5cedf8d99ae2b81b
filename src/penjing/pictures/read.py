"""Reads one picture from a file or bytes: whatever it is, an upright RGB image or an error that names what is wrong.

The content decides what a file is, not its name. Turned photographs are set upright (EXIF), palettes, CMYK and 16-bit
greys become RGB, transparent ground becomes white, of an animation the first frame is taken.
"""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penjing.errors import DataError, MissingExtraError
from penjing.files import content_of

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
MOST_BYTES = 32 * 2**20
MOST_PIXELS = 16_000_000
"""Of a picture that has to be decoded whole; with that, reading takes less than 512 MB."""
MOST_JPEG_PIXELS = 50_000_000
"""JPEGs can be decoded at a half of their size, or less."""
_MOST_SIDE, _LONGEST_TO_SHORT = 30_000, 200

Source = str | Path | bytes
"""A file, or the content of one."""


def read_picture(source: Source, *, at_least: int | None = None) -> Image:
    """Return the picture in mode RGB, or L where it is grey.

    Where `at_least` is given, a JPEG may be smaller than it is stored, but no side has fewer pixels than that.

    >>> read_picture(b"GIF89a, but no more")                              # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    penjing.errors.DataError: not a picture that can be read

    Raises:
        DataError: it is missing, too large, damaged, or no picture.
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtraError("Pillow", extra="pictures") from None
    content, name = content_of(source, one="picture", most_bytes=MOST_BYTES)
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
        _check_size(image, name)
        if image.width * image.height > MOST_PIXELS:
            image.draft(None, (image.width // 2, image.height // 2))
        elif at_least is not None:
            image.draft(None, _covering(image, at_least))
        image.load()
        return _upright(image)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError("not a picture that can be read", value=name, rule=f"one of {', '.join(FORMATS)}") from None
    except Exception as error:  # the library's decoders raise what they like where a file is damaged
        raise DataError(
            "the picture is damaged", value=f"{name}: {error}", next_step="Save it again, or leave it out"
        ) from None


def _covering(image: Image, side: int) -> tuple[int, int]:
    """Return the size of the picture where its shorter side has `side` pixels."""
    scale = side / min(image.size)
    return (max(1, round(image.width * scale)), max(1, round(image.height * scale)))


def _check_size(image: Image, name: str) -> None:
    """Refuse what would take too much memory, before any of it is decoded."""
    width, height = image.size
    most = MOST_JPEG_PIXELS if image.format == "JPEG" else MOST_PIXELS
    if width * height > most or max(width, height) > _MOST_SIDE:
        raise DataError(
            "the picture has too many pixels",
            value=f"{name}: {width:,} x {height:,}",
            rule=f"at most {most:,} in all and {_MOST_SIDE:,} a side",
            next_step="Make it smaller",
        )
    if max(width, height) > _LONGEST_TO_SHORT * min(width, height):
        raise DataError("the picture is a mere line", value=f"{name}: {width:,} x {height:,}")


def _upright(image: Image) -> Image:
    from PIL import ImageOps

    with suppress(Exception):  # damaged EXIF says nothing of how to turn it
        image = ImageOps.exif_transpose(image)
    if image.mode in {"I", "F", "I;16", "I;16B", "I;16L"}:
        return _eight_bits(image)
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode == "L" else image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image) -> Image:
    from PIL import Image as Images

    grey = image.mode == "LA"
    whole = image.convert("RGBA")
    ground = Images.new("RGB", image.size, "white")
    ground.paste(whole, mask=whole.getchannel("A"))
    return ground.convert("L") if grey else ground


def _eight_bits(image: Image) -> Image:
    """Return a picture of wide greys in 8 bits: of 16 bits the upper eight, unless none is used."""
    from PIL import Image as Images

    values = np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=65_535.0, neginf=0.0)
    wide = float(values.max(initial=0.0)) > 255
    return Images.fromarray(np.clip(values / 257 if wide else values, 0, 255).astype(np.uint8))
