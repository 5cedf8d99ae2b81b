"""A Vision Transformer that looks at smaller pictures: fewer patches, with positions between the old ones.

Source: Dosovitskiy et al. 2021 (positions are interpolated where the number of patches changes).
"""

from __future__ import annotations

from dataclasses import replace

from torch.nn import functional as F  # noqa: N812

from penjing.errors import ModelError
from penjing.train.vision import VisionTransformer


def at_resolution(model: VisionTransformer, image: int) -> VisionTransformer:
    """Return a copy of `model` for pictures of `image` pixels a side.

    Raises:
        ModelError: the patches do not divide such a picture.
    """
    shape = replace(model.shape, image=image)
    if image % shape.patch:
        raise ModelError(
            "the patches do not divide the pictures", value=f"{image} by {shape.patch}", rule="recipe.sizes: multiples"
        )
    side = model.shape.side
    grid = model.positions.detach().T.reshape(1, shape.hidden, side, side)
    smaller = F.interpolate(grid, size=(shape.side, shape.side), mode="bicubic", align_corners=False, antialias=True)
    found = VisionTransformer(shape)
    found.load_state_dict({**model.state_dict(), "positions": smaller[0].flatten(1).T.contiguous()})
    return found.eval()
