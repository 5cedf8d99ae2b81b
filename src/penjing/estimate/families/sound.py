"""Whisper: an encoder of half a minute of sound, and a decoder that writes."""

from __future__ import annotations

from penjing.estimate.tensors import Config, Model, Reader, Tensor, flattened, linear, norm, whole


def _whisper(config: Config) -> Model:
    width, vocabulary = whole(config, "d_model"), whole(config, "vocab_size")
    layers, decoder = whole(config, "encoder_layers"), whole(config, "decoder_layers")
    frames, rows = whole(config, "max_source_positions"), whole(config, "max_target_positions")
    bins = whole(config, "num_mel_bins")
    parts = [
        [Tensor("embed", (vocabulary, width)), Tensor("positions", (rows, width), side="decoder")],
        [Tensor("positions", (frames, width), side="encoder")],
        [
            Tensor("conv", (width, bins, 3)),
            Tensor("bias", (width,)),
            Tensor("conv", (width, width, 3)),
            Tensor("bias", (width,)),
        ],
    ]
    for side, count in (("encoder", layers), ("decoder", decoder)):
        ffn = whole(config, f"{side}_ffn_dim")
        for layer in range(count):
            for kind in (side,) if side == "encoder" else (side, "cross"):
                parts += [linear(role, width, width, layer=layer, bias=role != "k", side=kind) for role in "qkvo"]
                parts.append(norm(width, layer=layer, side=kind))
            parts += [
                linear("up", ffn, width, layer=layer, side=side), linear("down", width, ffn, layer=layer, side=side),
                norm(width, layer=layer, side=side),
            ]  # fmt: skip
        parts.append(norm(width, side=side))
    heads = whole(config, "decoder_attention_heads")
    return Model(
        family="whisper", tensors=flattened(parts), width=width, layers=decoder, encoder_layers=layers, heads=heads,
        head_dim=width // heads, kv_heads=heads, vocabulary=vocabulary, causal=True, tied=True, sequence=frames,
    )  # fmt: skip


READERS: dict[str, Reader] = {"whisper": _whisper}
