"""Fashion-MNIST: 70,000 grey pictures of clothes, 28 x 28 pixels, ten kinds, from a Debian package (MIT licence).

    python -m examples.fashion.prepare OUTPUT [--downloads FOLDER]

OUTPUT gets train.parquet (60,000) and test.parquet (10,000), the pictures as PNG files with their labels, and a folder
pictures with a few files of the test part to try.
Source: Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms"; the package is dataset-fashion-mnist.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from examples.debian_packages import fetch
from penjing.pictures.frame import png

PACKAGE = "dataset-fashion-mnist"
LABELS = (
    "t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
_PARTS = {"train": "train", "test": "t10k"}
_SAMPLES = 5
_PICTURES_HEADER, _LABELS_HEADER = 16, 8  # bytes of the IDX format before the values


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--downloads", type=Path, default=Path("runs/downloads"))
    found = parser.parse_args()
    fetch([PACKAGE], found.downloads)
    folder = found.downloads / PACKAGE / "usr/share/datasets/fashion-mnist"
    found.output.mkdir(parents=True, exist_ok=True)
    for part, name in _PARTS.items():
        pictures = _values(folder / f"{name}-images-idx3-ubyte.gz", _PICTURES_HEADER).reshape(-1, 28, 28, 1)
        labels = _values(folder / f"{name}-labels-idx1-ubyte.gz", _LABELS_HEADER)
        table = pa.table({"image": [png(one) for one in pictures], "label": [LABELS[one] for one in labels]})
        pq.write_table(table, found.output / f"{part}.parquet")
        print(f"{found.output / part}.parquet: {len(labels):,} pictures")
    samples = found.output / "pictures"
    samples.mkdir(exist_ok=True)
    for one, label in list(zip(pictures, labels, strict=True))[:_SAMPLES]:
        (samples / f"{LABELS[label].replace(' ', '-')}.png").write_bytes(png(one))


def _values(path: Path, header: int) -> np.ndarray:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


if __name__ == "__main__":
    main()
