"""The onnxruntime engine for translation: two graphs, the search in numpy, and nothing more to install."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from penjing.engines.translate.base import Hypothesis, Pieces, Search, best_of, longest_translation
from penjing.engines.translate.beam import Found, Rows, beam_search, log_softmax
from penjing.errors import BundleError, EngineError

ENCODER, DECODER, WEIGHTS, PIECES = "encoder.onnx", "decoder.onnx", "weights.data", "pieces.json"
_ERRORS_ONLY = 3
_BATCH_PIECES = 1024  # of sources, padded, read at once


class OnnxTranslationEngine:
    """Runs `encoder.onnx` once a source and `decoder.onnx` once a piece."""

    name = "onnxruntime"
    in_flight = 1

    def __init__(self, folder: Path, *, threads: int = 2, prefix: Sequence[str] = ()) -> None:
        self._names, said = _pieces(folder / PIECES)
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._unknown, self._end = self._numbers[said["unknown"]], self._numbers[said["end"]]
        self._begin = [self._number(piece) for piece in (said["start"], *prefix)]
        self._places = int(said["places"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._encoder, self._decoder = (
                onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
                for name in (ENCODER, DECODER)
            )
        except Exception as error:  # onnxruntime's own exceptions share no base but Exception
            raise EngineError("onnxruntime cannot load the model", value=str(error)) from error

    def translate(self, sources: Sequence[Pieces], search: Search) -> list[list[Hypothesis]]:
        """Return the hypotheses of each source, among them the greedy one where it is better than those of the beam."""
        found: list[list[Hypothesis]] = [[] for _ in sources]
        for places in _batches([len(source) for source in sources]):
            chosen = [sources[place] for place in places]
            for place, hypotheses in zip(places, self._translated(chosen, search), strict=True):
                found[place] = hypotheses
        return found

    def _translated(self, sources: Sequence[Pieces], search: Search) -> list[list[Hypothesis]]:
        try:
            read, mask = self._read(sources)
            found = self._searched(sources, read, mask, search)
            if search.beam == 1 or search.no_repeat:
                return found
            greedy = self._searched(sources, read, mask, Search())
        except Exception as error:  # as above
            raise EngineError("onnxruntime failed", value=str(error)) from error
        return [best_of([*beam, *one], search.hypotheses) for beam, one in zip(found, greedy, strict=True)]

    def _read(self, sources: Sequence[Pieces]) -> tuple[dict[str, Any], Rows]:
        """Return what the decoder attends to, and which of it is not padding."""
        numbers = [[self._number(piece) for piece in source][: self._places] for source in sources]
        mask = np.zeros((len(sources), max(map(len, numbers))), np.int64)
        pieces = np.full(mask.shape, self._end, np.int64)
        for row, source in enumerate(numbers):
            pieces[row, : len(source)], mask[row, : len(source)] = source, 1
        names = [output.name for output in self._encoder.get_outputs()]
        found = self._encoder.run(names, {"pieces": pieces, "mask": mask})
        return dict(zip(names, found, strict=True)), mask

    def _searched(
        self, sources: Sequence[Pieces], read: dict[str, Any], mask: Rows, search: Search
    ) -> list[list[Hypothesis]]:
        writer = _Writer(self._decoder, read, mask)
        room = self._places - len(self._begin)
        most = [min(room, longest_translation(source)) for source in sources]
        found = beam_search(writer.step, begin=self._begin, end=self._end, most=most, search=search)
        return [[self._hypothesis(one) for one in hypotheses] for hypotheses in found]

    def _hypothesis(self, found: Found) -> Hypothesis:
        return Hypothesis([self._names[number] for number in found.pieces], found.score, found.ended)

    def _number(self, piece: str) -> int:
        return self._numbers.get(piece, self._unknown)


class _Writer:
    """The decoder with what every row has written so far."""

    def __init__(self, session: onnxruntime.InferenceSession, read: dict[str, Any], mask: Rows) -> None:
        self._session = session
        self._fixed = {**read, "mask": mask}
        self._outputs = [output.name for output in session.get_outputs()]
        nothing = {name.replace("new_", "past_"): read[name.replace("new_", "")] for name in self._outputs[1:]}
        self._past = {name: value[:, :, :0] for name, value in nothing.items()}
        self._place = 0

    def step(self, pieces: Rows, parents: Rows) -> NDArray[np.float32]:
        """Return the log probabilities of what follows."""
        if len(parents) != len(self._fixed["mask"]) or (parents != np.arange(len(parents))).any():
            self._fixed = {name: value[parents] for name, value in self._fixed.items()}
            self._past = {name: value[parents] for name, value in self._past.items()}
        given = {"pieces": pieces[:, None], "place": np.array([self._place]), **self._fixed, **self._past}
        logits, *cached = self._session.run(self._outputs, given)
        names = [name.replace("new_", "past_") for name in self._outputs[1:]]
        self._past = dict(zip(names, cached, strict=True))
        self._place += 1
        return log_softmax(logits)


def _pieces(path: Path) -> tuple[list[str], dict[str, Any]]:
    """Return the names of all pieces and what else the file says."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        names = list(map(str, said["names"]))
        marks = {said[mark] for mark in ("start", "end", "unknown")}
        if not marks <= set(names) or not 16 <= int(said["places"]) <= 4096:
            raise ValueError("a mark is no piece, or the number of places cannot be")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError("the bundle's pieces are damaged", value=f"{path.name}: {error}") from None
    return names, said


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Return the places of texts of similar length, at most 1,024 pieces a batch.

    >>> _batches([600, 3, 500])
    [[1, 2], [0]]
    """
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    batches: list[list[int]] = []
    for place in order:
        if batches and (len(batches[-1]) + 1) * lengths[place] <= _BATCH_PIECES:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches
