"""Tiny language models of chance weights in GGUF, which llama.cpp runs: SentencePiece or byte-level BPE."""

import json
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

WORDS = ["▁the", "▁old", "▁pine", "▁in", "▁a", "▁pot", "▁moon", "▁river", "盆景", "▁unused"]
CONTROL, UNKNOWN, BYTE, NORMAL = 3, 2, 6, 1
_HEAD_SIZE = {"qwen3": 128}  # which transformers takes for granted


def vocabulary():
    """Return pieces, their types and scores: special ones, bytes, and words with all their beginnings."""
    pieces = {"<unk>": UNKNOWN, "<s>": CONTROL, "</s>": CONTROL, "<unused0>": CONTROL}
    pieces |= {f"<0x{byte:02X}>": BYTE for byte in range(256)}
    for length in range(1, 9):  # shorter pieces first: they score more
        pieces |= {word[:length]: NORMAL for word in WORDS if len(word) >= length}
        if length == 1:
            pieces |= {character: NORMAL for word in WORDS for character in word}
    return list(pieces), list(pieces.values()), [-float(place) for place in range(len(pieces))]


def write_small_model(
    path: Path, *, context: int = 64, template: str | None = None, blocks: int = 1, architecture: str = "llama"
) -> Path:
    """Write a model with the vocabulary of `vocabulary`."""
    pieces, types, scores = vocabulary()
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(True)
    if template is not None:
        writer.add_chat_template(template)
    return _write_weights(writer, path, len(pieces), context=context, blocks=blocks, architecture=architecture)


def write_byte_level_model(path: Path, *, split: str, texts: list[str], pieces: int = 500) -> Path:
    """Write a model whose byte-level vocabulary, trained on `texts`, splits them as `split` says."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    settings = trainers.BpeTrainer(vocab_size=pieces, initial_alphabet=alphabet, show_progress=False)
    trained.train_from_iterator(texts, settings)
    words = trained.get_vocab()
    named = ["<|endoftext|>", *sorted(words, key=words.get)]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list(named)
    writer.add_token_types([CONTROL, *[NORMAL] * len(words)])
    writer.add_token_merges([" ".join(pair) for pair in _merges(trained)])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    return _write_weights(writer, path, len(named), context=1024, blocks=1, architecture="llama")


def _merges(tokenizer):
    return json.loads(tokenizer.to_str())["model"]["merges"]


def _write_weights(writer, path, pieces, *, context, blocks, architecture):
    writer.add_context_length(context)
    writer.add_embedding_length(64)
    writer.add_block_count(blocks)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    head = _HEAD_SIZE.get(architecture, 32)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(head)
    writer.add_vocab_size(pieces)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    generator = np.random.default_rng(0)
    for name, shape in _shapes(pieces, blocks, architecture).items():
        values = generator.normal(size=shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, np.abs(values))
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(pieces, blocks, architecture):
    shapes = {"token_embd.weight": (pieces, 64), "output.weight": (pieces, 64), "output_norm.weight": (64,)}
    head = _HEAD_SIZE.get(architecture, 32)
    inside = dict.fromkeys(("attn_q", "attn_k", "attn_v"), (2 * head, 64)) | {"attn_output": (64, 2 * head)}
    layers = inside | dict.fromkeys(("ffn_gate", "ffn_up", "ffn_down"), (64, 64))
    for block in range(blocks):
        shapes |= {f"blk.{block}.{name}.weight": shape for name, shape in layers.items()}
        shapes |= {f"blk.{block}.{name}_norm.weight": (64,) for name in ("attn", "ffn")}
        if architecture == "qwen2":
            shapes |= {f"blk.{block}.attn_{name}.bias": (64,) for name in "qkv"}
        if architecture == "qwen3":
            shapes |= {f"blk.{block}.attn_{name}_norm.weight": (head,) for name in "qk"}
    return shapes
