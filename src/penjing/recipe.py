"""How candidates are made: values to search, of every kind of task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from penjing.shape import Shape, VisionSize

Students = Literal["separate", "elastic", "none"]
Augmentation = Literal["none", "shift", "flip", "randaugment", "specaugment"]
"""How pictures are changed while a model learns: each one does what those before it do too. "specaugment" is for
sounds: stretched and shifted in time and pitch, parts of them masked, noise below them."""


class Recipe(BaseModel):
    """Values to search; a list is tried value by value. Empty means chosen for the model and the data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    students: Students = "separate"
    """separate: one training a student; elastic: one training for every size, then a polish of the few that matter;
    none: the teacher alone, in float32 and in fewer bits."""
    layers: tuple[Annotated[int, Field(gt=0)], ...] = ()
    ffn: tuple[Annotated[float, Field(gt=0, le=1)], ...] = ()
    """Shares of the feed-forward neurons that stay."""
    heads: tuple[Annotated[float, Field(gt=0, le=1)], ...] = ()
    """Shares of the attention heads that stay."""
    rank: Annotated[int, Field(gt=0, multiple_of=8)] | None = None
    """The width of the students' word embeddings; default: that of the teacher."""
    vocabulary: Annotated[int, Field(gt=0)] | None = None
    """About how many pieces to keep; never fewer than the special ones and the characters of the training texts."""
    max_length: Annotated[int, Field(ge=8, le=8192)] | None = None
    epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    student_epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    """How often a student sees each training text, in its own or an augmented form."""
    batch_size: Annotated[int, Field(gt=0, le=4096)] | None = None
    """Texts a step; default: 32, to generate 8."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Of the teacher."""
    trials: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many more trainings of the smallest student, with learning rates and losses that Optuna proposes."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """To translate: the share of activations left out while references are learned; 0.3 for few pairs, many passes."""
    lora_rank: Annotated[int, Field(gt=0, le=512)] = 16
    """To generate: the rank of what fine-tuning adds to each matrix."""
    bits: tuple[Annotated[float, Field(ge=3, le=16)], ...] = ()
    """To generate: the mean bits of a weight in each candidate."""
    teacher: Shape = Shape.of_teacher()
    """To translate, where the model is "new"."""
    student: Shape | None = None
    """To translate: many blocks that read, few that write, for these run once a piece. One that the teacher holds (as
    wide, and no larger elsewhere) is cut out of it, another one is new; default: cut, two thirds of the blocks that
    read, one that writes, a quarter of the neurons."""
    beam: Annotated[int, Field(ge=1, le=16)] = 1
    """To translate: how many translations the bundle pursues at once."""
    vit: VisionSize = VisionSize()
    """Of pictures, where the model is "new"."""
    convnet: str | None = None
    """Of pictures: who teaches the model's second token. "new": a small convnet that learns first; "none": nobody, and
    a new model has no such token; or a reference to a convnet's checkpoint. Default: new where the model is new, else
    none."""
    augment: Augmentation | None = None
    """Of pictures: none, shift, flip (left to right, and shift), randaugment (and both); default: none where a model
    sees each picture fewer than 20 times, else shift. Of sounds: none or specaugment, the default."""
    mixup: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Of pictures: how much of another one, at the most, is mixed into each while the model learns."""
    sizes: tuple[Annotated[int, Field(ge=4, le=1024)], ...] = ()
    """Of pictures: sides, in pixels, that students look at; default: that of the teacher."""
    seconds: Annotated[float, Field(ge=0.1, le=30)] | None = None
    """Of sounds: how much of one a model hears, the loudest part where it is longer; default: that of most of them, at
    most 5 (of Whisper's encoder 10)."""
    widths: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """To fuse: how wide students are, as shares of the teacher; default: a half and a quarter."""
    seed: int = 13

    @property
    def names_students(self) -> bool:
        """Whether students are asked for, and not just allowed."""
        return bool(self.layers or self.ffn or self.heads or self.trials)
