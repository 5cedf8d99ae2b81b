"""The sizes of Transformers that start from nothing: one that reads and writes, and one that looks at pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """The size of a Transformer that translates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: Annotated[int, Field(ge=32, le=2048, multiple_of=32)]
    encoder: Annotated[int, Field(ge=1, le=48)]
    decoder: Annotated[int, Field(ge=1, le=48)]
    """Blocks that read, and blocks that write."""
    ffn: Annotated[int, Field(ge=32, le=8192, multiple_of=32)] | None = None
    """Feed-forward neurons of a block; default: four times the width."""

    @classmethod
    def of_teacher(cls) -> Shape:
        """Return the usual size of a new teacher."""
        return cls(width=192, encoder=6, decoder=2)

    @property
    def neurons(self) -> int:
        """Return how many feed-forward neurons a block has."""
        return self.ffn or 4 * self.width

    @property
    def student(self) -> Shape:
        """Return the usual size of a student of this teacher, that can be cut out of it.

        >>> Shape(width=256, encoder=6, decoder=3).student
        Shape(width=256, encoder=4, decoder=1, ffn=256)
        """
        quarter = max(32, self.neurons // 4 // 32 * 32)
        return self.model_copy(update={"encoder": -(-2 * self.encoder // 3), "decoder": 1, "ffn": quarter})


class VisionSize(BaseModel):
    """The size of a Vision Transformer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: Annotated[int, Field(ge=4, le=1024)] | None = None
    """Pixels a side; default: about those of the training pictures, at most 64."""
    patch: Annotated[int, Field(ge=1, le=64)] | None = None
    """Pixels a side of a patch; default: such that there are at most 4 patches a side, of large pictures 14."""
    width: Annotated[int, Field(ge=32, le=2048, multiple_of=32)] = 128
    layers: Annotated[int, Field(ge=1, le=48)] = 6
    ffn: Annotated[int, Field(ge=32, le=8192, multiple_of=32)] | None = None
    """Feed-forward neurons of a block; default: four times the width."""

    @property
    def neurons(self) -> int:
        """Return how many feed-forward neurons a block has."""
        return self.ffn or 4 * self.width

    @staticmethod
    def usual_patch(image: int) -> int:
        """Return the side of a patch that suits pictures of `image` pixels a side.

        >>> [VisionSize.usual_patch(image) for image in (8, 28, 64, 224)]
        [2, 7, 16, 16]
        """
        most = 4 if image <= 64 else 14
        return next(patch for patch in range(min(2, image), image + 1) if image % patch == 0 and image // patch <= most)
