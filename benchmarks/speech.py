"""Whisper through penjing beside transformers' decoder, from the same weights: word errors, and time for a second.

    make bench-speech                        # five read sentences and six people who count; a few minutes

Sentences: LibriVox's, as Debian's pocketsphinx-testdata has them. Counting: the digits from nought to nine of each
speaker of the free spoken digits, 0.4 s of silence between. Decoding is greedy, with timestamps, in
float32, and in int8 too.
"""

from __future__ import annotations

import argparse
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.audio import SPEAKERS
from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import data_file
from benchmarks.table import ROOT, footer, write_block, write_result_file
from benchmarks.whisper_reference import reference_decoder
from penjing import PenjingError
from penjing.catalog.packages import find_model_package, locate_parts
from penjing.data.readers import iter_rows
from penjing.measure.error_rate import error_rate
from penjing.sounds.read import RATE, Samples, read_sound
from penjing.transcription.model import Wish
from penjing.transcription.references import open_transcriber

COMMAND, NAME = "make bench-speech", "speech"
MODELS = ("whisper-tiny.en", "whisper-base")
_ROUNDS, _PAUSE_S = 3, 0.4
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
Clip = tuple[str, Samples]
Decode = Callable[[Samples], str]


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    try:
        sets = {"sentences": _sentences(), "counting": _counting()}
        rows = [row for model in MODELS for row in _rows(model, sets)]
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    result = result_of(COMMAND, rows)
    write_result_file(NAME, result)
    write_block(NAME, _render(result))
    return 0


def _sentences() -> list[Clip]:
    table = ROOT.parent / "examples" / "spoken" / "data" / "recordings.csv"
    return [(str(row["text"]), read_sound(table.parent / str(row["audio"]))) for row in iter_rows(table)]


def _counting() -> list[Clip]:
    pause, found = np.zeros(round(_PAUSE_S * RATE), np.float32), []
    with zipfile.ZipFile(data_file("fsdd/fsdd.zip")) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        for speaker in SPEAKERS:
            parts = [(read_sound(archive.read(names[f"{digit}_{speaker}_0.wav"])), pause) for digit in range(10)]
            found.append((" ".join("0123456789"), np.concatenate([part for pair in parts for part in pair])))
    return found


def _rows(model: str, sets: dict[str, list[Clip]]) -> list[dict[str, Any]]:
    package = find_model_package(model)
    content = b"".join(part.read_bytes() for part in locate_parts(package))
    tokenizer = locate_parts(package)[0].parent / "tokenizer.json"
    systems: dict[str, Decode] = {"transformers": reference_decoder(content, tokenizer, threads=THREADS)}
    for precision in ("float32", "int8"):
        opened = open_transcriber(f"package:{model}", threads=THREADS, precision=precision)  # type: ignore[arg-type]
        systems[f"penjing, {precision}"] = lambda samples, own=opened: own.transcribe(samples, Wish("en")).text
    return [row for name, clips in sets.items() for row in _of_set(model, name, clips, systems)]


def _of_set(model: str, name: str, clips: Sequence[Clip], systems: dict[str, Decode]) -> list[dict[str, Any]]:
    said: dict[str, list[str]] = {system: [] for system in systems}
    spent: dict[str, list[float]] = {system: [] for system in systems}
    for turn in range(_ROUNDS):
        for _, samples in clips:
            for system, decode in systems.items():
                began = time.perf_counter()
                text = decode(samples)
                spent[system].append((time.perf_counter() - began) / (len(samples) / RATE))
                said[system] += [text] if turn == 0 else []
    references = [_counted(text) for text, _ in clips]
    found = []
    for system, texts in said.items():
        rate = error_rate(references, [_counted(text) for text in texts])
        same = sum(one.strip() == other.strip() for one, other in zip(texts, said["transformers"], strict=True))
        found.append(
            {
                "system": system, "role": "peer" if system == "transformers" else "choice", "dataset": name,
                "task": "transcribe", "model": model, "metric": "word error rate", "seed": 0, "value": rate.value,
                "ci": [rate.low, rate.high], "n": rate.n, "words": rate.units, "same_text": same,
                "real_time_factor": float(np.median(spent[system])), "failed": None,
            }
        )  # fmt: skip
    return found


def _counted(text: str) -> str:
    """Return a text in which digits are words of their own, however they are written."""
    words = {name: str(value) for value, name in enumerate(_DIGITS)}
    parts = [words.get(word.strip(".,!?").lower(), word) for word in text.replace("-", " ").split()]
    return " ".join(" ".join(part) if part.strip(".,!?").isdigit() else part for part in parts)


def _render(result: dict[str, Any]) -> str:
    lines = [
        "| model | recordings | system | word error rate (95 % interval) | same text as transformers | real-time "
        "factor |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['model']} | {row['dataset']}, {row['words']} words | {row['system']} | {row['value']:.4f} "
            f"[{row['ci'][0]:.4f}, {row['ci'][1]:.4f}] | {row['same_text']} of {row['n']} "
            f"| {row['real_time_factor']:.3f} |"
        )
    return "\n".join([*lines, "", footer(result)])


if __name__ == "__main__":
    sys.exit(main())
