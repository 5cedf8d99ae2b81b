"""A tiny Llama of chance weights in GGUF with a SentencePiece vocabulary, which llama.cpp runs."""

from pathlib import Path

import gguf
import numpy as np

WORDS = ["▁the", "▁old", "▁pine", "▁in", "▁a", "▁pot", "▁moon", "▁river", "盆景", "▁unused"]
CONTROL, UNKNOWN, BYTE, NORMAL = 3, 2, 6, 1


def vocabulary():
    """Return pieces, their types and scores: special ones, bytes, and words with all their beginnings."""
    pieces = {"<unk>": UNKNOWN, "<s>": CONTROL, "</s>": CONTROL, "<unused0>": CONTROL}
    pieces |= {f"<0x{byte:02X}>": BYTE for byte in range(256)}
    for length in range(1, 9):  # shorter pieces first: they score more
        pieces |= {word[:length]: NORMAL for word in WORDS if len(word) >= length}
        if length == 1:
            pieces |= {character: NORMAL for word in WORDS for character in word}
    return list(pieces), list(pieces.values()), [-float(place) for place in range(len(pieces))]


def write_small_model(path: Path, *, context: int = 64, template: str | None = None, blocks: int = 1) -> Path:
    pieces, types, scores = vocabulary()
    generator = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(64)
    writer.add_block_count(blocks)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(32)
    writer.add_vocab_size(len(pieces))
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
    shapes = {"token_embd": (len(pieces), 64), "output": (len(pieces), 64), "output_norm": (64,)}
    for block in range(blocks):
        shapes |= {f"blk.{block}.{name}_norm": (64,) for name in ("attn", "ffn")}
        names = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
        shapes |= {f"blk.{block}.{name}": (64, 64) for name in names}
    for name, shape in shapes.items():
        values = generator.normal(size=shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(f"{name}.weight", np.abs(values))
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
