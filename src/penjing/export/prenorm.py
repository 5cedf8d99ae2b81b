"""Blocks that normalize before attention and before the feed-forward layers, as nodes of an ONNX graph."""

from __future__ import annotations

from penjing.export.layers import Layers
from penjing.export.nodes import Nodes
from penjing.train.encoder import BlockSizes


class PreNormBlocks:
    """Appends the blocks of `VisionBlock`, with weights by name as a state dictionary has them."""

    def __init__(self, nodes: Nodes, layers: Layers, shape: BlockSizes) -> None:
        self._nodes, self._layers, self._shape = nodes, layers, shape
        self._node = nodes.node

    def block(self, layer: int, x: str) -> str:
        """Append a whole block; return the output's name."""
        name = f"blocks.{layer}"
        q, k, v = self.split(name, "qkv", self.norm(f"{name}.attention_norm", x))
        return self.after(layer, x, q, k, v)

    def after(self, layer: int, x: str, q: str, k: str, v: str) -> str:
        """Append attention and feed-forward of a block whose queries, keys and values are there; they add to `x`."""
        name, heads = f"blocks.{layer}", self._shape.heads[layer]
        attended = self._node("Attention", q, k, v, q_num_heads=heads, kv_num_heads=heads)
        x = self._node("Add", self._layers.linear(f"{name}.attention_out", attended), x)
        inner = self._layers.linear(f"{name}.ffn_in", self.norm(f"{name}.ffn_norm", x))
        return self._node("Add", self._layers.linear(f"{name}.ffn_out", self._node("Gelu", inner)), x)

    def split(self, name: str, parts: str, x: str) -> list[str]:
        """Return queries, keys and values, or some of them, that one linear layer gives side by side."""
        whole = self._layers.linear(f"{name}.{parts}", x)
        outputs = [f"{name}.{part}_" for part in parts]
        return self._nodes.many("Split", [whole], outputs, name=f"n_{name}.split", axis=-1, num_outputs=len(parts))

    def norm(self, name: str, x: str) -> str:
        """Append a layer normalization."""
        return self._layers.norm(name, x, epsilon=self._shape.epsilon)
