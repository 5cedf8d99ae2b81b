"""manifest.json: what a bundle is, how it was made, and what was measured of it."""

from __future__ import annotations

from typing import Any, Literal

from penjing.records import Figures, Machine, Quality, Record, Step, Verdict
from penjing.spec import Kind

FORMAT = "penjing-bundle"
VERSION = 1
MANIFEST_NAME = "manifest.json"


class FileEntry(Record):
    """One file of the bundle."""

    sha256: str
    size_bytes: int


class Outputs(Record):
    """How logits become answers.

    Probabilities are softmax(logits / temperature), or sigmoid where `multi_label`, whose labels are those
    with a probability >= 0.5. An answer whose probability is below `abstain_below` is "abstain".
    """

    labels: tuple[str, ...]
    multi_label: bool = False
    temperature: float = 1.0
    abstain_below: float | None = None


class Origin(Record):
    """The pretrained model a bundle comes from."""

    reference: str
    name: str
    version: str | None = None
    sha256: str | None = None
    licence: str
    source: str


class Golden(Record):
    """golden.jsonl holds answers to compare with: {"text", "logits", "label"} a line, or {"prompt", "answer"}."""

    n: int
    isa: str
    """The instruction set they were made on."""
    tolerance: float
    """The largest |difference| of a logit that counts as the same answer; of text, the share that may differ."""


class Manifest(Record):
    """Everything about a bundle that is not weights."""

    format: Literal["penjing-bundle"] = "penjing-bundle"
    version: int = VERSION
    created: str
    """ISO 8601, UTC."""
    penjing: str
    """The version that wrote it."""
    name: str
    kind: Kind | Literal["transcribe"] = "classify"
    engine: str
    """The default engine: "onnxruntime" or "linear"; to generate "llamacpp"."""
    model: str
    """The model's file: model.onnx, model.safetensors or model.gguf."""
    input: dict[str, Any]
    """{"type": "tokens", "tokenizer": "tokenizer.json", "max_length": 128, "pad_id": 0}, {"type": "ngrams", …}, or to
    generate {"type": "text", "format": "chat" or "plain"}."""
    outputs: Outputs = Outputs(labels=())
    """Of a classifier."""
    recipe: tuple[Step, ...]
    parameters: int | None = None
    quality: dict[str, Quality] = {}
    """By split: "dev", "test"."""
    verdict: Verdict | None = None
    provisional: bool = False
    """Whether its run had not ended: it is there to be used meanwhile, and was judged on dev alone."""
    trial: str | None = None
    """Which of `trials` this is."""
    trials: tuple[Figures, ...] = ()
    """Every trial of its run that was measured."""
    test_touches: int = 0
    """How many bundles of this run were evaluated on the test split."""
    origin: Origin | None = None
    """None for the linear baseline, which starts from nothing."""
    machine: Machine | None = None
    versions: dict[str, str] = {}
    task: dict[str, Any] = {}
    """The task as it was resolved, so that the bundle can be rebuilt."""
    golden: Golden | None = None
    files: dict[str, FileEntry] = {}
    """Every other file of the bundle."""
