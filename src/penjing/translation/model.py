"""A model that translates, opened once and asked often: text in, text out, with what must survive checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any, Protocol

from penjing.engines.translate import Search
from penjing.errors import EngineError, TaskError
from penjing.languages import Language, Pair, check_pair
from penjing.masking import SENTINEL, Protected, damage, has_all_sentinels, renumbered, restore
from penjing.translation.segments import Segment, by_line, joined, whole
from penjing.translation.terms import Glossary

_LETTER = re.compile(r"[^\W\d_]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A translation of one masked segment, and its mean log probability a piece (None where it is not known)."""

    text: str
    score: float | None
    ended: bool = True


class SegmentTranslator(Protocol):
    """What translates masked segments: a local engine with its pieces, or a remote model."""

    name: str
    pairs: Sequence[Pair]
    """The pairs of languages it knows; none where it takes any."""
    in_flight: int
    """How many batches it takes at once: where more than one, pieces become text while others are translated."""
    spare: int
    """How many more translations to ask for where several are wanted: some are the same text in other pieces."""
    again: Sequence[Search]
    """Other ways to look for a translation, where the first has not all that must survive, or does not end."""

    def fits(self, text: str) -> bool:
        """Return whether a segment can be read at once."""
        ...

    def length(self, text: str) -> int:
        """Return how many pieces a text has, as far as that is known."""
        ...

    def translate(self, texts: Sequence[str], pair: Pair, search: Search) -> list[list[Candidate]]:
        """Return the candidates of each segment, the best first."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Translation:
    """One text translated."""

    text: str
    source: str
    score: float | None
    """The mean log probability a piece, over its segments; None where it is not known."""
    problem: str | None
    """What did not survive, such as "lost %s", or how it failed; None where all is well."""
    alternatives: tuple[str, ...] = ()
    """With `n_best`: the other translations, the better first; of a text of one segment."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How texts are to be translated."""

    pair: Pair
    beam: int = 1
    n_best: int = 1
    glossary: Glossary = field(default_factory=Glossary)
    memory: Mapping[str, str] = field(default_factory=dict)
    """Texts that were translated before."""
    lines: bool = True
    """Whether a line's end ends a segment too; in catalogues it may stand inside a sentence."""


@dataclass(frozen=True)
class _Job:
    segments: list[Segment]
    masked: list[Protected]
    after: str


class Translator:
    """Made by `open_translator`; close it, or use it in a `with`."""

    def __init__(self, reference: str, engine: SegmentTranslator, *, beam: int = 1) -> None:
        self.reference = reference
        self.beam = beam
        """How many translations it pursues at once, where nothing else is asked."""
        self._engine = engine
        self._interrupted = Event()

    @property
    def engine(self) -> str:
        """The name of the engine."""
        return self._engine.name

    @property
    def pairs(self) -> Sequence[Pair]:
        """The pairs of languages; none where it takes any."""
        return self._engine.pairs

    def pair(self, source: Language | None, target: Language | None) -> Pair:
        """Return the languages to translate between: those asked for, or the only ones there are.

        Raises:
            TaskError: the model does not know them, or knows several and none is named.
        """
        known = list(self._engine.pairs)
        if known and (source is None or target is None):
            fitting = [pair for pair in known if source in {None, pair[0]} and target in {None, pair[1]}]
            if len(fitting) == 1:
                return fitting[0]
            if not fitting:
                check_pair((source or known[0][0], target or known[0][1]), known, model=self.reference)
        if source is None or target is None:
            raise TaskError(
                "it is not said from which language into which",
                next_step="Give both: --from and --to, in Python source_lang and target_lang",
            )
        if known:
            check_pair((source, target), known, model=self.reference)
        return source, target

    def translate(
        self, texts: Sequence[str], wish: Wish, *, progress: Progress = lambda done, total: None
    ) -> list[Translation]:
        """Return one translation a text, in their order.

        Raises:
            EngineError: the engine or the server fails.
        """
        plain = [_clean(text) for text in texts]
        new = [place for place, text in enumerate(plain) if text.strip() not in wish.memory]
        self._interrupted.clear()
        jobs = {place: self._job(plain[place], wish) for place in new}
        masked = list(dict.fromkeys(part.text for job in jobs.values() for part in job.masked if _has_words(part.text)))
        candidates = self._candidates(masked, wish, progress)
        return [
            _remembered(text, wish) if place not in jobs else _put_together(text, jobs[place], candidates, wish)
            for place, text in enumerate(plain)
        ]

    def length(self, text: str) -> int:
        """Return how many pieces a text has, as far as that is known."""
        return self._engine.length(text)

    def best(self, masked: Sequence[str], wish: Wish) -> list[str]:
        """Return the masked translation of each masked segment, looked for as `translate` does."""
        found = self._candidates(list(dict.fromkeys(masked)), wish, lambda done, total: None)
        return [found[text][0].text for text in masked]

    def segments(self, masked: Sequence[str], search: Search) -> list[list[Candidate]]:
        """Return the candidates of masked segments as the engine gives them: for models that learn from others."""
        return self._engine.translate(masked, self._engine.pairs[0], search)

    def interrupt(self) -> bool:
        """Make the call that is running end with an error, after the batch that it is at; True, for it can."""
        self._interrupted.set()
        return True

    def close(self) -> None:
        """Free what the engine holds."""
        self._engine.close()

    def __enter__(self) -> Translator:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _job(self, text: str, wish: Wish) -> _Job:
        """Mask what is between the white space around a text, then cut it: nothing that must survive is cut."""
        body = text.strip()
        if not body:
            return _Job([], [], text)
        start = text.index(body)
        whole_text = wish.glossary.protect(body, within="lines" if wish.lines else "text")
        cut = by_line if wish.lines else whole
        segments, after = cut(whole_text.text, fits=self._engine.fits)
        masked = [renumbered(segment.text, whole_text.kept) for segment in segments]
        segments[0] = replace(segments[0], before=text[:start] + segments[0].before)
        return _Job(segments, masked, after + text[start + len(body) :])

    def _candidates(self, masked: list[str], wish: Wish, progress: Progress) -> dict[str, list[Candidate]]:
        """Return the candidates of each segment: those with all sentinels first, of these those that end."""
        asked = wish.n_best + (self._engine.spare if wish.n_best > 1 else 0)
        search = Search(beam=max(wish.beam, asked), hypotheses=asked)
        found: dict[str, list[Candidate]] = {}
        for batch, answers in self._asked(_batches(masked), wish.pair, search):
            for text, candidates in zip(batch, answers, strict=True):
                found[text] = _ranked(text, candidates, wish.n_best)
            progress(len(found), len(masked))
        for other in self._engine.again:
            bad = [text for text, candidates in found.items() if _faults(text, candidates[0]) != (0, 0)]
            for batch, answers in self._asked(_batches(bad), wish.pair, other):
                for text, more in zip(batch, answers, strict=True):
                    found[text] = _ranked(text, [*found[text], *more], wish.n_best)
        return found

    def _asked(
        self, batches: list[list[str]], pair: Pair, search: Search
    ) -> Iterator[tuple[list[str], list[list[Candidate]]]]:
        """Yield each batch with its candidates, in order, as many in flight as the engine takes."""

        def ask(batch: list[str]) -> list[list[Candidate]]:
            if self._interrupted.is_set():
                raise EngineError("the translation was interrupted")
            return self._engine.translate(batch, pair, search)

        if len(batches) == 1 or self._engine.in_flight == 1:
            yield from ((batch, ask(batch)) for batch in batches)
            return
        with ThreadPoolExecutor(self._engine.in_flight) as pool:
            try:
                yield from zip(batches, pool.map(ask, batches), strict=True)
            finally:
                pool.shutdown(cancel_futures=True)


def _batches(texts: list[str], *, size: int = 256) -> list[list[str]]:
    """Return texts in batches, those of about the same length together, the longest first."""
    ordered = sorted(texts, key=len, reverse=True)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _faults(source: str, candidate: Candidate) -> tuple[int, int]:
    """Return what is wrong with a candidate, (0, 0) where nothing is: sentinels, and whether it ends."""
    return int(not has_all_sentinels(candidate.text, len(set(SENTINEL.findall(source))))), int(not candidate.ended)


def _ranked(source: str, candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """Return the best of the candidates, each text once."""
    if len(candidates) == 1:
        return list(candidates)
    unique: dict[str, Candidate] = {}
    for candidate in candidates:
        unique.setdefault(candidate.text, candidate)
    return sorted(unique.values(), key=lambda candidate: _faults(source, candidate))[:count]


def _put_together(text: str, job: _Job, found: Mapping[str, list[Candidate]], wish: Wish) -> Translation:
    parts: list[list[Candidate]] = [found.get(part.text) or [Candidate(part.text, None)] for part in job.masked]
    texts = [restore(candidates[0].text, part.kept) for candidates, part in zip(parts, job.masked, strict=True)]
    problems = [
        why for candidates, part in zip(parts, job.masked, strict=True) if (why := _problem(part, candidates[0]))
    ]
    scores = [candidates[0].score for candidates in parts if candidates[0].score is not None]
    alternatives: tuple[str, ...] = ()
    if len(parts) == 1:
        sound = [other for other in parts[0][1:] if _problem(job.masked[0], other) is None]
        alternatives = tuple(restore(other.text, job.masked[0].kept) for other in sound)
    return Translation(
        text=joined(job.segments, texts, job.after, joint=wish.pair[1].joint),
        source=text,
        score=sum(scores) / len(scores) if scores else None,
        problem="; ".join(problems) or None,
        alternatives=alternatives,
    )


def _problem(part: Protected, candidate: Candidate) -> str | None:
    if not candidate.text.strip():
        return "no translation"
    if why := damage(part, candidate.text):
        return why
    return None if candidate.ended else "the translation does not end by itself"


def _remembered(text: str, wish: Wish) -> Translation:
    body = text.strip()
    return Translation(text.replace(body, wish.memory[body], 1) if body else text, text, 0.0, None)


def normal(text: str) -> str:
    """Return a text as the memory knows it: without white space around it, its characters composed."""
    return unicodedata.normalize("NFC", text).strip()


def _clean(text: str) -> str:
    """Return the text without control characters and halves of surrogate pairs, which no model has read."""
    return unicodedata.normalize("NFC", _CONTROL.sub("\ufffd", text))


def _has_words(masked: str) -> bool:
    return bool(_LETTER.search(SENTINEL.sub("", masked)))
