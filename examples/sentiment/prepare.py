"""Make train.csv, dev.csv and test.csv of vaderSentiment's rated sentences: prepare.py ARCHIVE FOLDER.

Amazon reviews and tweets, each rated from -4 to 4 by 20 people (Hutto and Gilbert 2014, "VADER"); positive and
negative are means of at least 0.5 in size. Sentences of one review stay in one split. The archive is
vaderSentiment-3.3.2.tar.gz (MIT).
"""

from __future__ import annotations

import csv
import hashlib
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
FILES = ("amazonReviewSnippets", "tweets")
LEAST_RATING = 0.5

Row = tuple[str, str, str]  # document, text, label


def main(archive: Path, folder: Path) -> None:
    """Write the three files."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        sys.exit(f"error: {archive} is not vaderSentiment-3.3.2.tar.gz: SHA-256 {found}")
    splits: dict[str, dict[str, str]] = {"train": {}, "dev": {}, "test": {}}
    for document, text, label in _rows(archive):
        splits[_split(document)].setdefault(text, label)
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in splits.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *texts.items()])
        print(f"{name}: {len(texts):,} sentences")


def _rows(archive: Path) -> Iterator[Row]:
    with tarfile.open(archive) as outer, tarfile.open(fileobj=_member(outer, INNER)) as inner:
        for name in FILES:
            lines = _member(inner, f"hutto_ICWSM_2014/{name}_GroundTruth.txt").read().decode("utf-8", "replace")
            for line in lines.splitlines():
                parts = line.split("\t", 2)
                if len(parts) == 3 and abs(float(parts[1])) >= LEAST_RATING:
                    document = f"{name}-{parts[0].split('_')[0]}"
                    yield document, parts[2].strip(), "positive" if float(parts[1]) > 0 else "negative"


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        sys.exit(f"error: {name} is missing from the archive")
    return found


def _split(document: str) -> str:
    """Return the split of a document: eight, one and one tenth, by a hash of its name."""
    tenth = int(hashlib.sha256(document.encode()).hexdigest(), 16) % 10
    return {8: "dev", 9: "test"}.get(tenth, "train")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
