"""Which models are tried: recipes of steps, from the lists in the task file or chosen for the teacher's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from penjing.recipe import Recipe
from penjing.records import Step
from penjing.shrink.elastic import Sizes
from penjing.shrink.structure import ffn_width
from penjing.train.encoder import EncoderShape, Part


@dataclass(frozen=True, slots=True)
class Structure:
    """The sizes of one student, as shares of its teacher's."""

    layers: int
    heads: float
    ffn: float

    @property
    def name(self) -> str:
        """A name for tables: "4 layers, 50% FFN"."""
        parts = [f"{self.layers} layer{'s' if self.layers > 1 else ''}"]
        if self.heads < 1:
            parts.append(f"{self.heads:.0%} heads")
        if self.ffn < 1:
            parts.append(f"{self.ffn:.0%} FFN")
        return ", ".join(parts)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The recipe steps that lead here from the trimmed teacher."""
        steps = [Step(name="depth", values={"layers": self.layers})]
        if self.heads < 1:
            steps.append(Step(name="heads", values={"share": self.heads}))
        if self.ffn < 1:
            steps.append(Step(name="ffn", values={"share": self.ffn}))
        return (*steps, Step(name="distill"))

    def fits_in(self, larger: Structure) -> bool:
        """Return whether this structure can be cut out of `larger`."""
        return self.layers <= larger.layers and self.heads <= larger.heads and self.ffn <= larger.ffn

    def cost(self) -> float:
        """Return the compute a token in units of a full block's attention; FFN counts double."""
        return self.layers * (self.heads + 2 * self.ffn)


def structures(recipe: Recipe, *, layers: int) -> tuple[Structure, ...]:
    """Return the students to train, largest first, so that each can start from the one before; none where so asked.

    >>> [s.name for s in structures(Recipe(layers=(4, 2), ffn=(0.5,)), layers=6)]
    ['4 layers, 50% FFN', '2 layers, 50% FFN']
    """
    if recipe.students == "none":
        return ()
    if not (recipe.layers or recipe.heads or recipe.ffn):
        return _default(layers)
    depths = recipe.layers or (layers,)
    found = {
        Structure(min(depth, layers), heads, ffn)
        for depth, heads, ffn in product(depths, recipe.heads or (1.0,), recipe.ffn or (1.0,))
    }
    return tuple(sorted(found, key=lambda structure: -structure.cost()))


def _default(layers: int) -> tuple[Structure, ...]:
    """Return three students: about two fifths, a third and a sixth of the teacher's compute.

    Depth goes first: at batch 1 a narrow layer costs nearly as much time as a wide one.
    """
    shares: Sequence[tuple[float, float]] = ((0.65, 0.5), (0.5, 0.5), (0.33, 0.25))
    wanted = (Structure(max(1, round(layers * depth)), 1.0, ffn) for depth, ffn in shares)
    return tuple(dict.fromkeys(wanted))


def elastic_sizes(recipe: Recipe, *, shape: EncoderShape) -> Sizes:
    """Return the depths and widths that one elastic training covers.

    Without any list in the recipe: all depths from a third of the teacher's to one block less than it, all and two
    thirds of the heads, a half and a quarter of the neurons. With one, what is not listed stays whole.
    """
    listed = recipe.layers or recipe.heads or recipe.ffn
    fewest = max(1, round(shape.layers / 3))
    every = tuple(range(fewest, max(fewest, shape.layers - 1) + 1))
    depths = recipe.layers or ((shape.layers,) if listed else every)
    heads = recipe.heads or ((1.0,) if listed else (1.0, 2 / 3))
    ffn = recipe.ffn or ((1.0,) if listed else (0.5, 0.25))
    return Sizes(
        layers=tuple(sorted({min(depth, shape.layers) for depth in depths})),
        heads=tuple(sorted({max(1, round(share * shape.heads[0])) for share in heads})),
        ffn=tuple(sorted({ffn_width(share, shape.ffn[0]) for share in ffn})),
    )


def smallest_part(recipe: Recipe, shape: EncoderShape) -> Part:
    """Return the sizes of the smallest student that `recipe` stands for; its blocks are the first ones.

    >>> shape = EncoderShape(9, 8, 4, heads=(2,) * 6, ffn=(256,) * 6, positions=4, labels=2)
    >>> smallest_part(Recipe(), shape)
    Part(blocks=(0, 1), heads=2, ffn=64)
    """
    if recipe.students == "elastic":
        sizes = elastic_sizes(recipe, shape=shape)
        return Part(tuple(range(sizes.layers[0])), sizes.heads[0], sizes.ffn[0])
    least = structures(recipe, layers=shape.layers)[-1]
    heads = max(1, round(least.heads * shape.heads[0]))
    return Part(tuple(range(least.layers)), heads, ffn_width(least.ffn, shape.ffn[0]))
