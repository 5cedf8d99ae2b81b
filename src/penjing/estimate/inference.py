"""Memory of using a model in an engine: its weights, what the engine copies of them, and what a request takes.

Sources: Kwon et al. 2023, "PagedAttention" (keys and values). What each engine takes beside them was measured in a
process of its own (docs/benchmarks.md, "Predicted memory and time").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penjing.estimate.formats import file_bytes
from penjing.estimate.tensors import Model
from penjing.estimate.value import Estimate, exact, ranged, total

Engine = Literal["onnxruntime", "llamacpp", "ctranslate2"]
_MOST_READ = 512
"""Tokens of a prompt that llama.cpp reads at once."""
_PACKED = 2 / 3
"""Of the bytes of the blocks' matrices, what onnxruntime holds of them twice while it puts them in its own order."""
_LARGE_VOCABULARY, _PIECE_BYTES = 100_000, 1250
"""Vocabularies so large are Unigram's as a rule, of which the library tokenizers keeps so much a piece. Those of 30,000
pieces take 10 to 20 MB, which the process holds anyhow."""


@dataclass(frozen=True)
class _Engine:
    process: float
    """Bytes of a process without a model."""
    width: float
    feed_forward: float
    """With `width`: numbers of four bytes that a token takes while it is read, in sizes of the model."""


_ENGINES: dict[Engine, _Engine] = {
    "onnxruntime": _Engine(80e6, 12.0, 4.0),
    "llamacpp": _Engine(87e6, 4.0, 3.0),
    "ctranslate2": _Engine(105e6, 4.0, 2.0),
}


def inference_memory(
    model: Model, *, format_: str, tokens: int, batch: int = 1, kv_bytes_each: float = 2.0, engine: Engine
) -> dict[str, Estimate]:
    """Return the bytes that using a model takes at most, by what they hold, "all" being their sum.

    That is in a process that loads it and reads `batch` texts of `tokens`, weights in `format_`.

    >>> from penjing.estimate.tensors import read_model
    >>> bert = read_model({"model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12,
    ...     "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2})
    >>> found = inference_memory(bert, format_="int8", tokens=128, engine="onnxruntime")
    >>> round(found["weights"].value / 1e6), round(found["all"].value / 1e6)
    (109, 257)
    """
    source = (model.sequence or tokens) if model.encoder_layers else 0
    read = batch * (model.sequence or tokens)
    if engine == "llamacpp":
        read = min(read, _MOST_READ)
    of = _ENGINES[engine]
    ffn = max((tensor.shape[0] for tensor in model.tensors if tensor.role in {"up", "gate"}), default=model.width)
    working = read * (of.width * model.width + of.feed_forward * ffn) * 4.0
    parts = {
        "weights": exact(file_bytes(model, format_), "bytes", f"weights in {format_}"),
        "copies": _copies(model, format_, engine),
        "keys and values": exact(
            kv_bytes(model, tokens=tokens, batch=batch, bytes_each=kv_bytes_each, source_tokens=source),
            "bytes",
            "2 x layers x kv heads x width",
        ),
        "activations": ranged(
            working, "bytes", f"tokens x ({of.width:g} width + {of.feed_forward:g} feed-forward) x 4",
            spread=(0.3, 1.5), tokens=read,
        ),
        "runtime": ranged(of.process, "bytes", "libraries", spread=(0.6, 1.4)),
    }  # fmt: skip
    return {**parts, "all": total(parts, "bytes")}


def _copies(model: Model, format_: str, engine: Engine) -> Estimate:
    """Return what is held while loading or after: copies of weights in onnxruntime, then a large tokenizer.

    llama.cpp reads weights once, whatever it makes of them; that embeddings are held twice where they are the output
    too and have a type that it reorders is not counted.
    """
    if engine != "onnxruntime":
        return exact(0.0, "bytes", "none")
    pieces = _PIECE_BYTES * model.vocabulary if model.vocabulary > _LARGE_VOCABULARY else 0
    share = file_bytes(model, format_) / model.parameters
    largest = max(tensor.size // tensor.copies for tensor in model.tensors)
    blocks = sum(tensor.size for tensor in model.tensors if tensor.is_matrix and tensor.layer is not None)
    return ranged(
        max(share * largest, share * _PACKED * blocks, pieces), "bytes",
        "the largest of: a matrix, two thirds of the blocks, a large vocabulary's pieces", spread=(0.7, 1.2),
        largest=largest, blocks=blocks, pieces=model.vocabulary,
    )  # fmt: skip


def kv_bytes_per_token(model: Model, *, bytes_each: float = 2.0) -> float:
    """Return the bytes that one more token keeps in all layers that look back to the beginning.

    >>> from penjing.estimate.tensors import read_model
    >>> kv_bytes_per_token(read_model({"model_type": "opt", "hidden_size": 5120, "num_hidden_layers": 40,
    ...     "num_attention_heads": 40, "ffn_dim": 20480, "vocab_size": 50272, "max_position_embeddings": 2048}))
    819200.0
    """
    return kv_bytes(model, tokens=1, bytes_each=bytes_each)


def kv_bytes(model: Model, *, tokens: int, batch: int = 1, bytes_each: float = 2.0, source_tokens: int = 0) -> float:
    """Return the bytes of all keys and values after `tokens`; of an encoder alone none.

    `source_tokens` are those that a decoder looks at across, in an encoder.
    """
    each = 2 * model.kv_heads * model.head_dim
    windows = model.windows or (None,) * model.layers
    kept = sum(min(tokens, window or tokens) for window in windows)
    across = model.layers * source_tokens if model.encoder_layers else 0
    return float((kept + across) * each * bytes_each * batch)
