"""Checkpoints of the hub that translate (Marian, M2M-100, NLLB) as bundles without golden answers."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from penjing.bundle.manifest import Manifest, Origin
from penjing.bundle.write import stamp, write_bundle
from penjing.errors import ModelError
from penjing.export.ctranslate2 import Precision
from penjing.export.translation_engines import TARGETS, TranslationEngine
from penjing.files import file_sha256
from penjing.languages import Pair
from penjing.train.checkpoint_pieces import read_checkpoint_pieces
from penjing.train.model_folder import stated_licence
from penjing.train.seq2seq import load_seq2seq


def write_translation_bundle(
    checkpoint: Path,
    folder: Path,
    pair: Pair,
    *,
    precision: Precision = "int8",
    engine: TranslationEngine = "ctranslate2",
) -> None:
    """Write the checkpoint as a bundle that translates between `pair` into `folder`, which is empty or not there.

    Raises:
        ModelError: the checkpoint does not translate, its vocabulary is not understood, or its weights are a pickle.
        TaskError: it does not know a language; those it knows are named.
    """
    check_weights(checkpoint)
    table = read_checkpoint_pieces(checkpoint, pair)
    manifest = Manifest(
        **stamp(),
        name=f"{checkpoint.name}: {pair[0].code} to {pair[1].code}",
        kind="translate",
        engine=engine,
        model=TARGETS[engine].model,
        input=table.input(pair, beam=1),
        recipe=(),
        origin=checkpoint_origin(str(checkpoint), checkpoint),
    )
    with TemporaryDirectory(dir=folder.parent) as temporary:
        aside = Path(temporary)
        names = TARGETS[engine].write(load_seq2seq(checkpoint), table, aside, precision=precision)
        names += table.write(aside)
        write_bundle(folder, manifest, {name: aside / name for name in names})


def checkpoint_origin(reference: str, folder: Path) -> Origin:
    """Return where the checkpoint in `folder`, named by `reference`, comes from."""
    return Origin(
        reference=reference,
        name=folder.name,
        licence=stated_licence(folder) or "not stated",
        source=folder.name,
        sha256=file_sha256(folder / "config.json"),
    )


def check_weights(checkpoint: Path) -> None:
    """Raise ModelError where the checkpoint has no weights that may be read."""
    if not (checkpoint / "model.safetensors").is_file() and not list(checkpoint.glob("model-*.safetensors")):
        raise ModelError(
            "no safetensors in the checkpoint",
            value=str(checkpoint),
            rule="model.safetensors; pickles are not read",
            next_step="Use a revision with safetensors, or convert it",
        )
