"""Pictures drawn in the test, in every format and mode."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image


def drawn(mode="RGB", size=(40, 30), seed=0):
    """Return a picture with a bright upper left quarter on a noisy ground."""
    values = np.random.default_rng(seed).integers(0, 90, (size[1], size[0], 3)).astype(np.uint8)
    values[: size[1] // 2, : size[0] // 2] = (240, 200, 160)
    return Image.fromarray(values).convert(mode)


def stored(image, kind="PNG", **told):
    """Return the bytes of a picture's file."""
    file = BytesIO()
    image.save(file, kind, **told)
    return file.getvalue()
