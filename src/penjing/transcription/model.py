"""Whisper, opened once and asked often: samples in, text with times out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from tokenizers import Tokenizer

from penjing.errors import EngineError, MissingExtraError, ModelError, TaskError
from penjing.sounds.mel import log_mel
from penjing.sounds.read import RATE, Samples
from penjing.transcription.segments import WINDOW_S, Segment, pieces_of

Precision = Literal["float32", "int8"]
Progress = Callable[[float, float], None]
"""Is told of the seconds that are done, and of all."""

_HOP, _WINDOW = RATE // 100, RATE // 40
_LEAST_S = 0.1
_WARMER = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # temperatures, one after the other, where the answer before looks wrong
_MOST_REPEATED, _LEAST_LIKELY = 2.4, -1.0  # how far a text can be compressed, and the mean log probability of a token
_SILENT = 0.6
_SEED = 13
_MOST_TOKENS = 224


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a recording."""

    text: str
    language: str | None
    """Its code, such as "zh"; None where the model knows one language alone."""
    duration_s: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """How a recording is to be transcribed."""

    language: str | None = None
    """The code of the language; None: heard from the first thirty seconds."""
    beam: int = 1


@dataclass(frozen=True, slots=True)
class _Heard:
    tokens: tuple[int, ...]
    text: str
    mean_log_probability: float
    no_speech: float

    @property
    def doubtful(self) -> bool:
        """Whether it repeats itself, or is hardly believed by the model."""
        raw = self.text.encode("utf-8")
        repeated = bool(raw) and len(raw) / len(zlib.compress(raw)) > _MOST_REPEATED
        return repeated or self.mean_log_probability < _LEAST_LIKELY

    @property
    def silent(self) -> bool:
        """Whether nobody speaks."""
        return self.no_speech > _SILENT and self.mean_log_probability < _LEAST_LIKELY


class Transcriber:
    """Made by `open_transcriber`."""

    def __init__(self, files: Mapping[str, bytes], *, threads: int, precision: Precision) -> None:
        """Open the model whose files are given by name: model.bin, config.json, tokenizer.json, vocabulary.

        Raises:
            MissingExtraError: CTranslate2 is not installed.
            ModelError: they are no Whisper.
        """
        try:
            import ctranslate2
        except ImportError:
            raise MissingExtraError("ctranslate2", extra="speech") from None
        self._storage = ctranslate2.StorageView.from_array
        try:
            self._tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode("utf-8"))
            self._model: Any = ctranslate2.models.Whisper(
                "whisper", device="cpu", compute_type=precision, intra_threads=threads, files=dict(files)
            )
        except KeyError as error:
            raise ModelError("a file of the model is missing", value=str(error)) from None
        except (RuntimeError, ValueError, UnicodeDecodeError) as error:
            raise ModelError("not a Whisper model of CTranslate2", value=str(error).splitlines()[0]) from None
        except Exception as error:  # the tokenizer's library raises a bare Exception
            raise ModelError("the model's tokenizer.json is damaged", value=str(error)) from None
        self._first_timestamp = self._token("<|notimestamps|>") + 1
        self._end = self._token("<|endoftext|>")
        self._suppressed = _suppressed(files.get("config.json", b"{}"))
        self._seed = ctranslate2.set_random_seed
        self.languages = self._languages()
        """The codes of the languages it knows; none where it knows English alone."""

    def _languages(self) -> tuple[str, ...]:
        if not self._model.is_multilingual:
            return ()
        names = (token for token in self._tokenizer.get_vocab() if token.startswith("<|") and token.endswith("|>"))
        codes = (name[2:-2] for name in names)
        return tuple(sorted(code for code in codes if code.isalpha() and len(code) in {2, 3}))

    def transcribe(
        self, samples: Samples, wish: Wish | None = None, *, progress: Progress = lambda done, total: None
    ) -> Transcript:
        """Return what is said in `samples`, one channel at 16 kHz.

        Raises:
            TaskError: the model does not know the language.
            EngineError: the engine failed.
        """
        asked = wish or Wish()
        language = self.language(samples, asked.language)
        found = list(self.segments(samples, language, beam=asked.beam, progress=progress))
        text = "".join(one.text for one in found).strip()
        stripped = tuple(Segment(one.start, one.end, one.text.strip()) for one in found)
        return Transcript(text, language, len(samples) / RATE, stripped)

    def language(self, samples: Samples, wanted: str | None) -> str | None:
        """Return the code of the language: that which is wanted, or else the likeliest.

        Raises:
            TaskError: the model does not know it.
        """
        known = self.languages
        if not known:
            if wanted not in {None, "en"}:
                raise TaskError("this model knows English alone", value=wanted, next_step="Use package:whisper-base")
            return None
        if wanted is not None:
            if wanted not in known:
                raise TaskError("this model does not know the language", value=wanted, rule=", ".join(known))
            return wanted
        token, _ = self._model.detect_language(self._features(samples[: round(WINDOW_S * RATE)]))[0][0]
        return str(token)[2:-2]

    def segments(
        self, samples: Samples, language: str | None, *, beam: int = 1, progress: Progress = lambda done, total: None
    ) -> Iterator[Segment]:
        """Yield what is said, piece by piece, as it is heard; a text keeps the space before it."""
        prompt = [self._token("<|startoftranscript|>")]
        if language is not None:
            prompt += [self._token(f"<|{language}|>"), self._token("<|transcribe|>")]
        at, total = 0, len(samples) / RATE
        while len(samples) - at >= _LEAST_S * RATE:
            window = samples[at : at + round(WINDOW_S * RATE)]
            seconds = len(window) / RATE
            heard = self._listen(self._features(window), prompt, beam=beam)
            said = () if heard.silent else heard.tokens
            pieces, on = pieces_of(said, first_timestamp=self._first_timestamp, window_s=seconds)
            begun = at / RATE
            for piece in pieces:
                text = self._tokenizer.decode(list(piece.tokens), skip_special_tokens=True)
                if text.strip():
                    yield Segment(round(begun + piece.start, 2), round(begun + piece.end, 2), text)
            at += max(_HOP, round(on * RATE))
            progress(min(total, at / RATE), total)

    def _features(self, window: Samples) -> Any:
        padded = np.pad(window, (0, round(WINDOW_S * RATE) - len(window)))
        found = log_mel(padded, bands=int(self._model.n_mels), hop=_HOP, window=_WINDOW)
        return self._storage(np.ascontiguousarray((found + 4.0) / 4.0, np.float32)[None])

    def _listen(self, features: Any, prompt: Sequence[int], *, beam: int) -> _Heard:
        """Return what the model hears; where that looks wrong, what it hears at a higher temperature."""
        heard = self._once(features, prompt, beam=beam, temperature=0.0)
        for temperature in _WARMER[1:]:
            if not heard.doubtful or heard.silent:
                break
            self._seed(_SEED)  # the same recording has the same transcript
            heard = self._once(features, prompt, beam=1, temperature=temperature)
        return heard

    def _once(self, features: Any, prompt: Sequence[int], *, beam: int, temperature: float) -> _Heard:
        sampling = {"sampling_topk": 0, "sampling_temperature": temperature} if temperature else {"beam_size": beam}
        try:
            found = self._model.generate(
                features,
                [list(prompt)],
                max_length=len(prompt) + _MOST_TOKENS,
                return_scores=True,
                return_no_speech_prob=True,
                suppress_tokens=self._suppressed,
                **({"beam_size": 1} | sampling),
            )[0]
        except RuntimeError as error:
            raise EngineError("the engine failed", value=str(error).splitlines()[0]) from None
        tokens = tuple(int(token) for token in found.sequences_ids[0] if token != self._end)
        said = [token for token in tokens if token < self._first_timestamp]
        return _Heard(
            tokens=tokens,
            text=self._tokenizer.decode(said, skip_special_tokens=True),
            mean_log_probability=float(found.scores[0]),
            no_speech=float(found.no_speech_prob),
        )

    def _token(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise ModelError("the model's tokenizer is not Whisper's", value=f"{name} is missing")
        return int(found)


def _suppressed(config: bytes) -> list[int]:
    """Return the tokens that are never said; -1 stands for those that config.json names."""
    try:
        named = json.loads(config).get("suppress_ids")
    except (ValueError, AttributeError):
        named = None
    return [-1] if named else []
