"""Data sets from the Hugging Face hub: hf:org/name[@revision]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penjing.errors import DataError, MissingExtraError

Row = dict[str, Any]
_SPLITS = {"train": ("train",), "dev": ("validation", "dev", "valid"), "test": ("test",)}


def read_hub(reference: str) -> dict[str, Iterator[Row]]:
    """Return the rows of each split that a hub data set has, under the names train, dev and test.

    Raises:
        MissingExtraError: the `hub` extra is not installed.
        DataError: the data set cannot be had.
    """
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("datasets", extra="hub") from None
    name, _, revision = reference.removeprefix("hf:").partition("@")
    try:
        found = datasets.load_dataset(name, revision=revision or None)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            "the hub data set cannot be had",
            value=f"{name}: {error}",
            next_step="Check the name and the network, or export it to a file and give the file",
        ) from error
    return {ours: iter(found[theirs]) for ours, names in _SPLITS.items() for theirs in names if theirs in found}
