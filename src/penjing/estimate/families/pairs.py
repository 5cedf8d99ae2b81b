"""Encoders with decoders: T5, Marian, BART, M2M-100 and NLLB."""

from __future__ import annotations

from penjing.estimate.tensors import Config, Model, Reader, Tensor, attention, flattened, linear, norm, whole


def _t5(config: Config) -> Model:
    width, inner = whole(config, "d_model"), whole(config, "num_heads") * whole(config, "d_kv")
    layers = whole(config, "num_layers")
    decoder = whole(config, "num_decoder_layers", default=layers)
    heads, ffn, vocabulary = whole(config, "num_heads"), whole(config, "d_ff"), whole(config, "vocab_size")
    gated = "gated" in str(config.get("feed_forward_proj", "relu"))
    buckets = whole(config, "relative_attention_num_buckets", default=32)
    tied = bool(config.get("tie_word_embeddings", True))
    parts = [[Tensor("embed", (vocabulary, width))]]
    for side, count in (("encoder", layers), ("decoder", decoder)):
        parts.append([Tensor("other", (buckets, heads), side=side)])
        for layer in range(count):
            for kind in (side,) if side == "encoder" else (side, "cross"):
                parts += [attention(width, inner, inner, layer=layer, bias=False, side=kind)]
                parts += [norm(width, layer=layer, bias=False, side=kind)]
            ups = ("gate", "up") if gated else ("up",)
            parts += [linear(role, ffn, width, layer=layer, bias=False, side=side) for role in ups]
            parts += [
                linear("down", width, ffn, layer=layer, bias=False, side=side),
                norm(width, layer=layer, bias=False),
            ]
        parts.append(norm(width, bias=False, side=side))
    if not tied:
        parts.append(linear("head", vocabulary, width, bias=False))
    return _pair(config, parts, width, layers, decoder, heads, inner // heads, vocabulary, tied=tied)


def _bart_like(config: Config, *, positions: bool, table_rows: int, embedding_norm: bool, last_norm: bool) -> Model:
    width, vocabulary = whole(config, "d_model"), whole(config, "vocab_size")
    layers, decoder = whole(config, "encoder_layers"), whole(config, "decoder_layers")
    parts = [[Tensor("embed", (vocabulary, width))]]
    for side, count in (("encoder", layers), ("decoder", decoder)):
        ffn = whole(config, f"{side}_ffn_dim")
        if positions:
            parts.append([Tensor("positions", (table_rows, width), side=side)])
        if embedding_norm:
            parts.append(norm(width, side=side))
        for layer in range(count):
            for kind in (side,) if side == "encoder" else (side, "cross"):
                parts += [attention(width, width, width, layer=layer, side=kind), norm(width, layer=layer, side=kind)]
            parts += [
                linear("up", ffn, width, layer=layer, side=side), linear("down", width, ffn, layer=layer, side=side),
                norm(width, layer=layer, side=side),
            ]  # fmt: skip
        if last_norm:
            parts.append(norm(width, side=side))
    heads = whole(config, "decoder_attention_heads")
    return _pair(config, parts, width, layers, decoder, heads, width // heads, vocabulary, tied=True)


def _marian(config: Config) -> Model:
    rows = whole(config, "max_position_embeddings")
    return _bart_like(config, positions=True, table_rows=rows, embedding_norm=False, last_norm=False)


def _m2m(config: Config) -> Model:
    return _bart_like(config, positions=False, table_rows=0, embedding_norm=False, last_norm=True)


def _bart(config: Config) -> Model:
    rows = whole(config, "max_position_embeddings") + 2  # it counts from 2
    return _bart_like(config, positions=True, table_rows=rows, embedding_norm=True, last_norm=False)


def _pair(
    config: Config, parts: list[list[Tensor]], width: int, layers: int, decoder: int, heads: int, head_dim: int,
    vocabulary: int, *, tied: bool,
) -> Model:  # fmt: skip
    return Model(
        family=str(config["model_type"]), tensors=flattened(parts), width=width, layers=decoder, encoder_layers=layers,
        heads=heads, head_dim=head_dim, kv_heads=heads, vocabulary=vocabulary, causal=True, tied=tied,
    )  # fmt: skip


READERS: dict[str, Reader] = {"t5": _t5, "mt5": _t5, "marian": _marian, "m2m_100": _m2m, "bart": _bart}
