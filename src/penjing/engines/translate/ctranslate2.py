"""The ctranslate2 engine: int8 or float32 on the CPU, through the library of the same name (extra `ctranslate2`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from penjing.engines.translate.base import Hypothesis, Pieces, Search, best_of, longest_translation
from penjing.engines.translate.shortlist import SHORTLIST, read_shortlist
from penjing.errors import BundleError, EngineError, MissingExtraError

MODEL, CONFIG, VOCABULARY, MAPPING = "model.ct2", "ctranslate2.json", "vocabulary.json", "vmap.txt"
NAMES: Mapping[str, str] = {
    MODEL: "model.bin", CONFIG: "config.json", VOCABULARY: "shared_vocabulary.json", MAPPING: "vmap.txt",
}  # fmt: skip
"""What the files of a bundle are called in a folder of CTranslate2's own."""
_BATCH_PIECES = 1024  # padded, run at once
_PATIENCE = 2  # with 1 a search ends when as many have ended as are pursued, be they short and bad


class CTranslate2Engine:
    """Runs a converted model, of whose files only `names` are read; each of `threads` works on a batch of its own.

    `pieces` are the names of its pieces, where it has no file of them. Two threads on one batch of a small model took
    ten times as long as one (docs/log.md).
    """

    name = "ctranslate2"
    in_flight = 2

    def __init__(
        self,
        folder: Path,
        *,
        pieces: Sequence[str],
        threads: int = 2,
        prefix: Sequence[str] = (),
        names: Iterable[str] = (*NAMES, SHORTLIST),
    ) -> None:
        try:
            import ctranslate2
        except ImportError:
            raise MissingExtraError("ctranslate2", extra="ctranslate2") from None
        there = [ours for ours in (*NAMES, SHORTLIST) if ours in set(names) and (folder / ours).is_file()]
        files = {NAMES[ours]: (folder / ours).read_bytes() for ours in there if ours in NAMES}
        if VOCABULARY not in there:
            files[NAMES[VOCABULARY]] = json.dumps(list(pieces)).encode()
        if SHORTLIST in there:
            files[NAMES[MAPPING]] = read_shortlist(folder / SHORTLIST, _names(files[NAMES[VOCABULARY]])).encode()
        try:
            with ThreadPoolExecutor(1) as aside:  # loading sets its thread's OpenMP to one: torch's, here
                self._translator = aside.submit(
                    ctranslate2.Translator,
                    str(folder), device="cpu", inter_threads=threads, intra_threads=1, files=files,
                ).result()  # fmt: skip
        except (RuntimeError, ValueError) as error:
            raise EngineError("ctranslate2 cannot load the model", value=str(error)) from error
        self._prefix = list(prefix)
        self._mapped = NAMES[MAPPING] in files

    def translate(self, sources: Sequence[Pieces], search: Search) -> list[list[Hypothesis]]:
        """Return the hypotheses of each source: a translation is at most 16 pieces and twice its source long.

        Beside those of a beam stands the greedy one, where it is better: a beam can end before it gets there.
        """
        if not sources:
            return []
        found = self._searched(sources, search)
        if search.beam == 1 or search.no_repeat:
            return found
        greedy = self._searched(sources, Search())
        return [best_of([*beam, *one], search.hypotheses) for beam, one in zip(found, greedy, strict=True)]

    def _searched(self, sources: Sequence[Pieces], search: Search) -> list[list[Hypothesis]]:
        longest = len(self._prefix) + max(map(longest_translation, sources))
        try:
            found = self._translator.translate_batch(
                list(sources),
                target_prefix=[self._prefix] * len(sources) if self._prefix else None,
                max_batch_size=_BATCH_PIECES,
                batch_type="tokens",
                beam_size=search.beam,
                patience=_PATIENCE if search.beam > 1 else 1,
                num_hypotheses=min(search.hypotheses, search.beam),
                no_repeat_ngram_size=search.no_repeat,
                max_input_length=0,
                max_decoding_length=longest,
                use_vmap=self._mapped,
                return_scores=True,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError("ctranslate2 failed", value=str(error)) from error
        return [
            [
                _hypothesis(pieces[len(self._prefix) :], score, most=longest_translation(source))
                for pieces, score in zip(result.hypotheses, result.scores, strict=True)
            ]
            for source, result in zip(sources, found, strict=True)
        ]


def _names(vocabulary: bytes) -> list[str]:
    try:
        names = json.loads(vocabulary)
    except ValueError as error:  # of JSON, or of UTF-8
        raise BundleError("the file of pieces is damaged", value=str(error)) from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BundleError("the file of pieces is damaged", rule="a list of texts")
    return names


def _hypothesis(pieces: Pieces, score: float, *, most: int) -> Hypothesis:
    return Hypothesis(pieces[:most], score, ended=len(pieces) < most)
