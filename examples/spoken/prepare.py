"""Telephone prompts in English, Spanish and French, and read sentences with what they say, out of Debian packages.

    python -m examples.spoken.prepare OUTPUT [--downloads FOLDER]

Packages are fetched by `apt-get download` and unpacked by `dpkg -x`: nothing is installed. OUTPUT gets prompts.csv
(audio, label, prompt), one prompt's recordings in all languages standing under one name, and recordings.csv (audio,
text). The prompts are Digium's (CC-BY-SA-3.0; English and Spanish by the same voice), the sentences are LibriVox's
(public domain); none is kept here.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from examples.debian_packages import fetch

LANGUAGES = {"en": "en_US_f_Allison", "es": "es_MX_f_Allison", "fr": "fr_CA_f_June"}
_SENTENCES = "pocketsphinx-testdata"
_LEAST_BYTES = 8_000  # half a second: below it are lone letters and beeps
_SAID = re.compile(r"<s> (?P<text>.+) </s> \((?P<name>[\w-]+)\)")


def prompts(downloads: Path, output: Path) -> Iterable[tuple[str, str, str]]:
    """Yield file, language and name of each prompt, copied into `output`."""
    for language, voice in LANGUAGES.items():
        root = downloads / f"asterisk-core-sounds-{language}-wav/usr/share/asterisk/sounds" / voice
        (output / language).mkdir(parents=True, exist_ok=True)
        for file in sorted(root.rglob("*.wav")):
            name = "-".join(file.relative_to(root).with_suffix("").parts)
            if file.stat().st_size < _LEAST_BYTES or "silence" in name:
                continue
            shutil.copyfile(file, output / language / f"{name}.wav")
            yield f"{language}/{name}.wav", language, name


def sentences(downloads: Path, output: Path) -> Iterable[tuple[str, str]]:
    """Yield file and words of each sentence, copied into `output`."""
    root = downloads / _SENTENCES / "usr/share/pocketsphinx/test/data/librivox"
    (output / "recordings").mkdir(parents=True, exist_ok=True)
    said = _SAID.finditer((root / "transcription").read_text(encoding="utf-8"))
    for found in said:
        file = root / f"{found['name']}.wav"
        shutil.copyfile(file, output / "recordings" / file.name)
        yield f"recordings/{file.name}", found["text"]


def main() -> None:
    """Write both tables, with what they name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--downloads", type=Path, default=Path("runs/downloads/debian"))
    asked = parser.parse_args()
    fetch([*(f"asterisk-core-sounds-{language}-wav" for language in LANGUAGES), _SENTENCES], asked.downloads)
    asked.output.mkdir(parents=True, exist_ok=True)
    _write(asked.output / "prompts.csv", ("audio", "label", "prompt"), prompts(asked.downloads, asked.output))
    _write(asked.output / "recordings.csv", ("audio", "text"), sentences(asked.downloads, asked.output))


def _write(path: Path, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(head)
        table.writerows(rows)
    partial.replace(path)


if __name__ == "__main__":
    main()
