"""The tensors of a model, from its config.json: everything else is counted from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from penjing.errors import ModelError

Config = Mapping[str, Any]
LOOKED_UP = frozenset({"embed", "positions", "types"})
"""Roles of tables of which a token takes one row."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor, or several alike: `copies` of them, of which a token uses `active`."""

    role: str
    """embed, positions, types, q, k, v, o, gate, up, down, norm, bias, router, head, patch, conv or other."""
    shape: tuple[int, ...]
    """(outputs, inputs) of a matrix."""
    layer: int | None = None
    side: str = ""
    """"encoder", "decoder" or "cross" where a model has both, "vision" or "text" where it has both."""
    copies: int = 1
    active: int = 1

    @property
    def size(self) -> int:
        """Numbers in all copies."""
        return prod(self.shape) * self.copies

    @property
    def used(self) -> int:
        """Numbers that a token's work reads."""
        return prod(self.shape) * self.active

    @property
    def is_matrix(self) -> bool:
        """Whether it is multiplied with."""
        return len(self.shape) > 1 and self.role not in LOOKED_UP


@dataclass(frozen=True)
class Model:
    """A model as its tensors, and what costs nothing to store but something to run."""

    family: str
    tensors: tuple[Tensor, ...]
    width: int
    layers: int
    """Of the decoder, where there is one."""
    encoder_layers: int = 0
    """Where there is a decoder too."""
    heads: int = 1
    head_dim: int = 0
    kv_heads: int = 0
    """0: no keys and values are kept from one token to the next."""
    vocabulary: int = 0
    windows: tuple[int | None, ...] = ()
    """Of each layer, how far back it looks; empty: as far as there is."""
    causal: bool = False
    tied: bool = False
    sequence: int = 0
    """Patches, or frames, where these do not depend on the input."""

    @property
    def parameters(self) -> int:
        """All of them."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def active_parameters(self) -> int:
        """Those that one token's work uses: fewer than all where there are experts."""
        return sum(tensor.used for tensor in self.tensors)


Reader = Callable[[Config], Model]


def read_model(config: Config) -> Model:
    """Return the tensors of the model that `config`, the content of config.json, describes.

    >>> read_model({"model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12,
    ...             "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512,
    ...             "type_vocab_size": 2}).parameters
    109482240

    Raises:
        ModelError: the family is not known, or a value is missing or impossible.
    """
    from penjing.estimate.families import READERS

    family = str(config.get("model_type", ""))
    if family not in READERS:
        raise ModelError(
            "models of this family cannot be estimated",
            value=family or "no model_type",
            rule=", ".join(sorted(READERS)),
        )
    try:
        return READERS[family](config)
    except KeyError as error:
        raise ModelError("config.json lacks a value", value=str(error), rule=f"needed for {family}") from None
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ModelError("config.json holds an impossible value", value=str(error)) from None


def whole(config: Config, *names: str, default: int | None = None) -> int:
    """Return the first of `names` that is there, a whole number above 0 and not absurd.

    Raises:
        KeyError: none is there.
        ValueError: it is not such a number.
    """
    for name in names:
        value = config.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**40:
                raise ValueError(f"{name} = {value!r}")
            return value
    if default is None:
        raise KeyError(names[0])
    return default


def norm(width: int, *, layer: int | None = None, bias: bool = True, side: str = "") -> list[Tensor]:
    """Return a norm's gain, and its bias where it has one."""
    found = [Tensor("norm", (width,), layer, side)]
    return [*found, Tensor("norm", (width,), layer, side)] if bias else found


def linear(
    role: str, out: int, into: int, *, layer: int | None = None, bias: bool = True, side: str = ""
) -> list[Tensor]:
    """Return a matrix, and its bias where it has one."""
    found = [Tensor(role, (out, into), layer, side)]
    return [*found, Tensor("bias", (out,), layer, side)] if bias else found


def attention(
    width: int, inner: int, kv: int, *, layer: int, bias: bool = True, out_bias: bool | None = None, side: str = ""
) -> list[Tensor]:
    """Return the four matrices of attention: to queries, keys and values, and back."""
    found = linear("q", inner, width, layer=layer, bias=bias, side=side)
    found += linear("k", kv, width, layer=layer, bias=bias, side=side)
    found += linear("v", kv, width, layer=layer, bias=bias, side=side)
    return found + linear("o", width, inner, layer=layer, bias=bias if out_bias is None else out_bias, side=side)


def flattened(parts: Iterable[Iterable[Tensor]]) -> tuple[Tensor, ...]:
    """Return all tensors of all parts."""
    return tuple(tensor for part in parts for tensor in part)
