"""ViT and DeiT, and CLIP with its two towers."""

from __future__ import annotations

from penjing.estimate.tensors import Config, Model, Reader, Tensor, attention, flattened, linear, norm, whole


def _vit(config: Config, *, tokens: int) -> Model:
    """Return a classifier of pictures; `tokens` stand beside the patches: the class, and that of distillation."""
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads")
    width, layers, heads = (whole(config, name) for name in names)
    patch, image = whole(config, "patch_size"), whole(config, "image_size")
    channels, ffn = whole(config, "num_channels", default=3), whole(config, "intermediate_size")
    patches = (image // patch) ** 2
    labels = len(config.get("id2label") or {}) or whole(config, "num_labels", default=2)
    parts = [
        [Tensor("other", (tokens, width)), Tensor("positions", (patches + tokens, width))],
        [Tensor("patch", (width, channels * patch * patch)), Tensor("bias", (width,))],
    ]
    for layer in range(layers):
        parts += [
            norm(width, layer=layer), attention(width, width, width, layer=layer), norm(width, layer=layer),
            linear("up", ffn, width, layer=layer), linear("down", width, ffn, layer=layer),
        ]  # fmt: skip
    parts.append(norm(width))
    parts += [linear("head", labels, width) for _ in range(tokens)]
    return Model(
        family=str(config["model_type"]), tensors=flattened(parts), width=width, layers=layers, heads=heads,
        head_dim=width // heads, sequence=patches + tokens,
    )  # fmt: skip


def _clip(config: Config) -> Model:
    """Return both towers of CLIP with their projections."""
    text, vision = config["text_config"], config["vision_config"]
    joint = whole(config, "projection_dim", default=512)
    parts: list[list[Tensor]] = [[Tensor("other", (1,))]]
    for side, tower in (("text", text), ("vision", vision)):
        width, layers = whole(tower, "hidden_size"), whole(tower, "num_hidden_layers")
        ffn = whole(tower, "intermediate_size")
        if side == "text":
            rows = whole(tower, "max_position_embeddings")
            parts.append(
                [Tensor("embed", (whole(tower, "vocab_size"), width)), Tensor("positions", (rows, width), side=side)]
            )
        else:
            patch = whole(tower, "patch_size")
            count = (whole(tower, "image_size") // patch) ** 2 + 1
            parts.append([Tensor("other", (width,)), Tensor("positions", (count, width), side=side)])
            parts += [[Tensor("patch", (width, 3 * patch * patch), side=side)], norm(width, side=side)]
        for layer in range(layers):
            parts += [
                norm(width, layer=layer, side=side), attention(width, width, width, layer=layer, side=side),
                norm(width, layer=layer, side=side), linear("up", ffn, width, layer=layer, side=side),
                linear("down", width, ffn, layer=layer, side=side),
            ]  # fmt: skip
        parts += [norm(width, side=side), [Tensor("other", (joint, width), side=side)]]
    width, heads = whole(vision, "hidden_size"), whole(vision, "num_attention_heads")
    return Model(
        family="clip", tensors=flattened(parts), width=width, layers=whole(vision, "num_hidden_layers"), heads=heads,
        head_dim=width // heads, vocabulary=whole(text, "vocab_size"),
        sequence=(whole(vision, "image_size") // whole(vision, "patch_size")) ** 2 + 1,
    )  # fmt: skip


READERS: dict[str, Reader] = {
    "vit": lambda config: _vit(config, tokens=1),
    "deit": lambda config: _vit(config, tokens=2),
    "clip": _clip,
}
