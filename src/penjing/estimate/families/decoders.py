"""Decoders that write text: GPT-2, OPT, Phi, Llama and its kin, with experts too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penjing.estimate.tensors import Config, Model, Reader, Tensor, attention, flattened, linear, norm, whole


def _gpt2(config: Config) -> Model:
    width, layers, heads = (whole(config, name) for name in ("n_embd", "n_layer", "n_head"))
    ffn = int(config.get("n_inner") or 4 * width)
    vocabulary = whole(config, "vocab_size")
    parts = [
        [Tensor("embed", (vocabulary, width)), Tensor("positions", (whole(config, "n_positions", "n_ctx"), width))]
    ]
    for layer in range(layers):
        parts += [
            norm(width, layer=layer),
            attention(width, width, width, layer=layer),
            norm(width, layer=layer),
            linear("up", ffn, width, layer=layer),
            linear("down", width, ffn, layer=layer),
        ]
    parts.append(norm(width))
    return _model(config, parts, width, layers, heads, width // heads, heads, vocabulary, tied=True)


def _opt(config: Config) -> Model:
    width, layers, heads = (whole(config, name) for name in _SIZES)
    ffn, vocabulary = whole(config, "ffn_dim"), whole(config, "vocab_size")
    table = int(config.get("word_embed_proj_dim") or width)
    positions = whole(config, "max_position_embeddings") + 2  # it counts from 2
    parts = [[Tensor("embed", (vocabulary, table)), Tensor("positions", (positions, width))]]
    if table != width:
        parts.append([Tensor("other", (width, table)), Tensor("other", (table, width))])
    for layer in range(layers):
        parts += [
            norm(width, layer=layer), attention(width, width, width, layer=layer), norm(width, layer=layer),
            linear("up", ffn, width, layer=layer), linear("down", width, ffn, layer=layer),
        ]  # fmt: skip
    if config.get("do_layer_norm_before", True):
        parts.append(norm(width))
    return _model(config, parts, width, layers, heads, width // heads, heads, vocabulary, tied=True)


def _phi(config: Config) -> Model:
    width, layers, heads = (whole(config, name) for name in _SIZES)
    ffn, vocabulary = whole(config, "intermediate_size"), whole(config, "vocab_size")
    kv = whole(config, "num_key_value_heads", default=heads)
    parts = [[Tensor("embed", (vocabulary, width))]]
    for layer in range(layers):
        parts += [
            norm(width, layer=layer), attention(width, width, kv * (width // heads), layer=layer),
            linear("up", ffn, width, layer=layer), linear("down", width, ffn, layer=layer),
        ]  # fmt: skip
    parts += [norm(width), linear("head", vocabulary, width)]
    return _model(config, parts, width, layers, heads, width // heads, kv, vocabulary, tied=False)


def _llama(config: Config) -> Model:
    """Return Llama, Mistral, Qwen, Gemma, SmolLM3, Mixtral: gated parts, norms without bias, rotated positions."""
    family = str(config["model_type"])
    width, layers, heads = (whole(config, name) for name in _SIZES)
    kv = whole(config, "num_key_value_heads", default=heads)
    head_dim = whole(config, "head_dim", default=width // heads)
    vocabulary = whole(config, "vocab_size")
    bias = bool(config.get("attention_bias", family == "qwen2"))
    out_bias = False if family == "qwen2" else bias
    tied = bool(config.get("tie_word_embeddings", family in _TIED))
    norms = 4 if family in {"gemma2", "gemma3_text"} else 2
    parts = [[Tensor("embed", (vocabulary, width))]]
    for layer in range(layers):
        parts.append(attention(width, heads * head_dim, kv * head_dim, layer=layer, bias=bias, out_bias=out_bias))
        parts += [norm(width, layer=layer, bias=False) for _ in range(norms)]
        if family in _NORMED_HEADS:
            parts += [norm(head_dim, layer=layer, bias=False) for _ in range(2)]
        parts.append(_feed_forward(config, layer, width))
    parts.append(norm(width, bias=False))
    if not tied:
        parts.append(linear("head", vocabulary, width, bias=False))
    return _model(
        config, parts, width, layers, heads, head_dim, kv, vocabulary, tied=tied, windows=_windows(config, layers)
    )


def _feed_forward(config: Config, layer: int, width: int) -> list[Tensor]:
    """Return gate, up and down, of one part or of many experts with their router."""
    experts = int(config.get("num_local_experts") or config.get("num_experts") or config.get("n_routed_experts") or 0)
    bias = bool(config.get("mlp_bias", False))
    if not experts or layer in (config.get("mlp_only_layers") or ()):
        ffn = whole(config, "intermediate_size")
        return [
            *linear("gate", ffn, width, layer=layer, bias=bias), *linear("up", ffn, width, layer=layer, bias=bias),
            *linear("down", width, ffn, layer=layer, bias=bias),
        ]  # fmt: skip
    ffn = whole(config, "moe_intermediate_size", "intermediate_size")
    active = whole(config, "num_experts_per_tok")
    found = [
        Tensor(role, shape, layer, copies=experts, active=active)
        for role, shape in (("gate", (ffn, width)), ("up", (ffn, width)), ("down", (width, ffn)))
    ]
    found.append(Tensor("router", (experts, width), layer))
    if shared := config.get("shared_expert_intermediate_size"):
        found += [Tensor(role, shape, layer) for role, shape in (
            ("gate", (int(shared), width)), ("up", (int(shared), width)), ("down", (width, int(shared))),
            ("router", (1, width)),
        )]  # fmt: skip
    return found


def _windows(config: Config, layers: int) -> tuple[int | None, ...]:
    """Return how far back each layer looks; nothing where all look back to the beginning."""
    window = config.get("sliding_window")
    kinds: Sequence[Any] | None = config.get("layer_types")
    if not window or (config.get("use_sliding_window") is False and not kinds):
        return ()
    if kinds is not None:
        return tuple(int(window) if kind == "sliding_attention" else None for kind in kinds)
    family = config["model_type"]
    if family == "gemma2":
        return tuple(int(window) if layer % 2 == 0 else None for layer in range(layers))
    if family == "gemma3_text":
        every = int(config.get("sliding_window_pattern") or 6)
        return tuple(None if (layer + 1) % every == 0 else int(window) for layer in range(layers))
    if family in {"qwen2", "qwen3"}:
        return ()  # it says a window and does not use it
    return (int(window),) * layers


def _model(
    config: Config, parts: list[list[Tensor]], width: int, layers: int, heads: int, head_dim: int, kv: int,
    vocabulary: int, *, tied: bool, windows: tuple[int | None, ...] = (),
) -> Model:  # fmt: skip
    return Model(
        family=str(config["model_type"]), tensors=flattened(parts), width=width, layers=layers, heads=heads,
        head_dim=head_dim, kv_heads=kv, vocabulary=vocabulary, windows=windows, causal=True, tied=tied,
    )  # fmt: skip


_SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads")
_LIKE_LLAMA = (
    "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe", "gemma", "gemma2", "gemma3_text", "smollm3",
)  # fmt: skip
_TIED = {"gemma", "gemma2", "gemma3_text", "smollm3"}
_NORMED_HEADS = {"qwen3", "qwen3_moe", "gemma3_text"}
READERS: dict[str, Reader] = {
    "gpt2": _gpt2,
    "opt": _opt,
    "phi": _phi,
    **dict.fromkeys(_LIKE_LLAMA, _llama),
}
