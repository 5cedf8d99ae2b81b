"""A tiny BERT and a tiny task that it can learn, written to a folder."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel

from tests.shrink.small_tokenizers import SENTENCES, wordpiece

ENGLISH = sorted({word for sentence in SENTENCES[:4] for word in sentence.split()})
WORDS = {"bad": ENGLISH[::2], "good": ENGLISH[1::2]}
TASK = """
name = "tiny"
model = "model"
[data]
source = "data.csv"
[bar]
drop_at_most = 0.3
[recipe]
layers = [1]
ffn = [0.5]
epochs = 4
student_epochs = 4
learning_rate = 5e-3
"""


def write_tiny_task(folder: Path) -> Path:
    """Write task.toml, data.csv and a BERT with two tiny layers into `folder`; return the task's path."""
    tokenizer = wordpiece()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=128, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "model")
    tokenizer.save(str(folder / "model" / "tokenizer.json"))
    generator = np.random.default_rng(0)
    labels = [("bad", "good")[i % 2] for i in range(240)]
    rows = [(" ".join(generator.choice(WORDS[label], 10)), label) for label in labels]
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    (folder / "task.toml").write_text(TASK, encoding="utf-8")
    return folder / "task.toml"
