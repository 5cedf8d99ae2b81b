"""BERT and its kin: encoders of text. Sources: the papers' appendices, and transformers' modelling files."""

from __future__ import annotations

from collections.abc import Mapping

from penjing.estimate.tensors import Config, Model, Reader, Tensor, attention, flattened, linear, norm, whole


def _encoder(config: Config, *, types: int, pooler: bool, names: Mapping[str, str] | None = None) -> Model:
    named = names or {}
    width = whole(config, named.get("width", "hidden_size"))
    layers = whole(config, named.get("layers", "num_hidden_layers"))
    heads = whole(config, named.get("heads", "num_attention_heads"))
    ffn = whole(config, named.get("ffn", "intermediate_size"))
    embedding = int(config.get("embedding_size") or width)
    vocabulary = whole(config, "vocab_size")
    parts: list[list[Tensor]] = [
        [
            Tensor("embed", (vocabulary, embedding)),
            Tensor("positions", (whole(config, "max_position_embeddings"), embedding)),
        ],
        [Tensor("types", (types, embedding))] if types else [],
        norm(embedding),
    ]
    if embedding != width:
        parts.append(linear("other", width, embedding))
    for layer in range(layers):
        parts += [
            attention(width, width, width, layer=layer),
            norm(width, layer=layer),
            linear("up", ffn, width, layer=layer),
            linear("down", width, ffn, layer=layer),
            norm(width, layer=layer),
        ]
    if pooler:
        parts.append(linear("head", width, width))
    return Model(
        family=str(config["model_type"]), tensors=flattened(parts), width=width, layers=layers, heads=heads,
        head_dim=width // heads, vocabulary=vocabulary,
    )  # fmt: skip


def _bert(config: Config) -> Model:
    return _encoder(config, types=whole(config, "type_vocab_size", default=2), pooler=True)


def _roberta(config: Config) -> Model:
    return _encoder(config, types=whole(config, "type_vocab_size", default=1), pooler=True)


def _electra(config: Config) -> Model:
    return _encoder(config, types=whole(config, "type_vocab_size", default=2), pooler=False)


def _distilbert(config: Config) -> Model:
    names = {"width": "dim", "layers": "n_layers", "heads": "n_heads", "ffn": "hidden_dim"}
    return _encoder(config, types=0, pooler=False, names=names)


READERS: dict[str, Reader] = {
    "bert": _bert,
    "roberta": _roberta,
    "xlm-roberta": _roberta,
    "camembert": _roberta,
    "electra": _electra,
    "distilbert": _distilbert,
}
