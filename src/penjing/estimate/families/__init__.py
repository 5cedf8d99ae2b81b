"""How each family of models is built: one reader a `model_type`."""

from __future__ import annotations

from collections.abc import Mapping

from penjing.estimate.families import decoders, encoders, pairs, pictures, sound
from penjing.estimate.tensors import Reader

READERS: Mapping[str, Reader] = {
    **encoders.READERS,
    **decoders.READERS,
    **pairs.READERS,
    **pictures.READERS,
    **sound.READERS,
}
