"""What every stage of one run needs: the task, its passages, the model's file and the same with fewer pieces."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penjing.bundle.manifest import Origin
from penjing.data.passages import Passage, PassageSplits, load_passages, passages_fingerprint
from penjing.errors import ModelError
from penjing.files import file_sha256, write_text
from penjing.generation.references import DEFAULT_CONTEXT, gguf_origin, gguf_source
from penjing.gguf import read_header
from penjing.gguf.file import GgufFile, open_gguf
from penjing.progress import Reporter
from penjing.records import Step
from penjing.search.stages import Store
from penjing.search.text.questions import check_questions, short_enough
from penjing.shrink.gguf_depth import check_depth
from penjing.shrink.gguf_vocabulary import read_tokenizer, size_for, trim_gguf
from penjing.spec import ANSWER_METRICS, Task
from penjing.train.chat_template import ChatTemplate
from penjing.train.device import Device, best_device
from penjing.train.gguf_layers import linear_layers
from penjing.train.windows import PieceReader, Windows, cut_windows, spread_rows

DEFAULT_WINDOW = 256
SOME_WINDOWS = 32
_MORE_PIECES = 0.002  # that dev may take with the pieces that stay; bits grow about twice as much (docs/log.md)


@dataclass(frozen=True)
class TextContext:
    """One run of `fit` for a model that writes."""

    task: Task
    store: Store
    reporter: Reporter
    device: Device
    splits: PassageSplits
    data_key: str
    source: Path
    """The model as it was given."""
    source_key: str
    origin: Origin
    trimmed: Path
    """The same model with fewer pieces."""
    trimmed_key: str
    pieces: tuple[int, int]
    """Before and after."""
    timed: tuple[Passage, ...]
    """Those of dev that files are timed on."""

    @property
    def base_key(self) -> dict[str, Any]:
        """What every model of this run depends on."""
        return {"data": self.data_key, "model": self.source_key, "vocabulary": self.trimmed_key, "window": self.window}

    @property
    def window(self) -> int:
        """The most pieces read at once."""
        longest = read_header(self.source).context_length or DEFAULT_WINDOW
        return min(self.task.recipe.max_length or DEFAULT_WINDOW, longest)

    @property
    def vocabulary_step(self) -> Step:
        """The recipe step."""
        return Step(name="vocabulary", values={"pieces": self.pieces[1], "of": self.pieces[0]})

    def windows(self, path: Path, split: str) -> Windows:
        """Return a split as the model in the file at `path` reads it."""
        return cut_windows(getattr(self.splits, split), piece_reader(path), most=self.window)

    def some_windows(self, path: Path) -> Windows:
        """Return some training passages as the model in the file at `path` reads them, spread over all."""
        windows = self.windows(path, "train")
        rows = spread_rows(windows, SOME_WINDOWS)
        return Windows(windows.tokens.take(rows), windows.scored_from[rows], windows.passage[rows], windows.n_bytes)


def piece_reader(path: Path) -> PieceReader:
    """Return how the model in the GGUF file at `path` reads passages.

    Raises:
        ModelError: it names no piece with which a text begins.
    """
    file = open_gguf(path)
    first, last = (file.value(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos"))
    if first is None and last is None:
        raise ModelError("the file names no piece with which texts begin", rule="tokenizer.ggml.bos_token_id")
    source = read_header(path).chat_template
    template = None if source is None else ChatTemplate(source, bos=_piece(file, first), eos=_piece(file, last))
    return PieceReader(read_tokenizer(path), int(last if first is None else first), template)


def _piece(file: GgufFile, number: int | None) -> str:
    return "" if number is None else str(file.value("tokenizer.ggml.tokens")[int(number)])


def open_text_run(task: Task, *, output: Path, cache: Path, reporter: Reporter) -> TextContext:
    """Read the passages, find the model and trim its vocabulary to the training passages.

    Raises:
        DataError: there is too little to learn from, or the bar is on answers and these cannot be judged.
        ModelError: models of this architecture cannot be fine-tuned, or not with so many blocks.
    """
    store = Store(output / "stages")
    reporter.begin("data")
    splits = load_passages(task.data)
    counts = ", ".join(f"{len(getattr(splits, name)):,} {name}" for name in ("train", "dev", "test"))
    reporter.end(f"{counts} passages", reused=False)
    reporter.begin("model")
    source = gguf_source(task.model, cache=cache)
    origin = gguf_origin(task.model, source)
    _check_architecture(task, open_gguf(source))
    timed = _timed(task, splits, source)
    reporter.end(f"{origin.name} ({origin.licence})", reused=False)
    data_key, source_key = passages_fingerprint(splits), file_sha256(source)
    reporter.begin("vocabulary")

    def make(folder: Path, _: Path) -> None:
        texts, judged = ([passage.everything for passage in part] for part in (splits.train, splits.dev))
        size = task.recipe.vocabulary or size_for(source, texts, judged, most_more=_MORE_PIECES)
        done = trim_gguf(source, folder / "model.gguf", texts, size=size)
        write_text(folder / "facts.json", json.dumps(asdict(done)))

    size = {"size": task.recipe.vocabulary, "more": _MORE_PIECES, "splits": "as llama.cpp"}
    inputs = {"data": data_key, "model": source_key, **size}
    stage = store.stage("vocabulary", inputs, make)
    facts = json.loads((stage.folder / "facts.json").read_text(encoding="utf-8"))
    pieces = (facts["pieces_before"], facts["pieces_after"])
    reporter.end(f"{pieces[0]:,} -> {pieces[1]:,} pieces", reused=stage.reused)
    return TextContext(
        task=task,
        store=store,
        reporter=reporter,
        device=best_device(),
        splits=splits,
        data_key=data_key,
        source=source,
        source_key=source_key,
        origin=origin,
        trimmed=stage.folder / "model.gguf",
        trimmed_key=stage.key,
        pieces=pieces,
        timed=timed,
    )


def _timed(task: Task, splits: PassageSplits, source: Path) -> tuple[Passage, ...]:
    """Check what the model is asked later, and return those passages of dev that files are timed on."""
    judged = task.bar.metric in ANSWER_METRICS
    if not judged and not any(passage.prompt for passage in splits.dev):
        return splits.dev
    reader = piece_reader(source)
    room = min(read_header(source).context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    if judged:
        check_questions(task.bar.metric, reader, splits.dev + splits.test, context=room)
    return short_enough(reader, splits.dev, context=room)


def _check_architecture(task: Task, file: GgufFile) -> None:
    linear_layers(file)
    if task.recipe.layers:
        check_depth(file, max(task.recipe.layers))
