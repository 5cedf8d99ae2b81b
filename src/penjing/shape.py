"""The size of a Transformer that reads and writes: of a teacher that starts from nothing, and of a student."""

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
