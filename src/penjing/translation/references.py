"""What a reference to a model that translates names, found, checked and opened."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from penjing.bundle.manifest import MANIFEST_NAME, Manifest
from penjing.bundle.read import check_files, read_manifest
from penjing.engines.translate import PieceTranslator
from penjing.engines.translate.ctranslate2 import CONFIG, MODEL, CTranslate2Engine
from penjing.engines.translate.onnxruntime import DECODER, ENCODER, PIECES, WEIGHTS, OnnxTranslationEngine
from penjing.engines.translate.spelling import Spelling
from penjing.errors import BundleError, ModelError
from penjing.files import file_sha256
from penjing.generation.references import open_text_model
from penjing.languages import Language, Pair, language
from penjing.train.cached_folder import cached_folder, default_cache
from penjing.train.references import download_from_hub
from penjing.translation.local import LocalTranslator
from penjing.translation.model import Translator
from penjing.translation.remote import RemoteTranslator

_RULE = "a bundle that translates, hf:org/name, a local folder, or openai:NAME"
_HUB_FILES = ("*.json", "*.safetensors", "*.spm", "*.model", "README.md")
_MOST_BEAM = 16
_NEEDED = {"ctranslate2": {CONFIG, MODEL}, "onnxruntime": {ENCODER, DECODER, WEIGHTS, PIECES}}
_CHECKPOINT = (".json", ".safetensors", ".spm", ".model")


def open_translator(
    reference: str,
    *,
    source: Language | None = None,
    target: Language | None = None,
    threads: int = 2,
    cache: Path | None = None,
) -> Translator:
    """Return the model that `reference` names, ready to translate.

    A bundle runs in its engine, CTranslate2 or ONNX Runtime. `hf:org/name` and local folders with safetensors (Marian,
    M2M-100, NLLB) are converted to int8 for CTranslate2 once, and kept in `cache`; models of many languages need
    `source` and `target`. `openai:NAME` asks the server that OPENAI_BASE_URL names, with a prompt.

    Raises:
        ModelError: there is no such model, or it does not translate.
        TaskError: the model does not know a language, or it must be told.
        BundleError: a file of the bundle is missing or changed.
        MissingExtraError: the engine's library is not installed.
    """
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "openai":
        return Translator(reference, RemoteTranslator(open_text_model(reference)))
    if (Path(reference) / MANIFEST_NAME).is_file():
        return _bundle(Path(reference), reference, threads=threads)
    if colon and scheme == "hf":
        path = download_from_hub(name, reference=reference, files=_HUB_FILES)
    else:
        path = Path(reference).expanduser()
    if not (path / "config.json").is_file():
        raise ModelError("no such model", value=reference, rule=_RULE, next_step="Check the path or the name")
    folder = _converted(path, source, target, cache=cache or default_cache())
    return _bundle(folder, reference, threads=threads)


def _bundle(folder: Path, reference: str, *, threads: int) -> Translator:
    manifest = read_manifest(folder)
    if manifest.kind != "translate":
        raise ModelError("this bundle does not translate", value=str(folder), rule=f"it is made to {manifest.kind}")
    check_files(folder, manifest)
    needed = _NEEDED.get(manifest.engine)
    if needed is None:
        raise BundleError("no engine of this name translates", value=manifest.engine, rule=" or ".join(_NEEDED))
    missing = needed - manifest.files.keys()
    if missing:
        raise BundleError("the manifest does not list a file it needs", value=", ".join(sorted(missing)))
    spelling, pair, beam = _spelling(folder, manifest)
    engine: PieceTranslator
    if manifest.engine == "onnxruntime":
        engine = OnnxTranslationEngine(folder, threads=threads, prefix=spelling.begin)
    else:
        engine = CTranslate2Engine(
            folder, pieces=spelling.target_names, threads=threads, prefix=spelling.begin, names=manifest.files
        )
    return Translator(reference, LocalTranslator(engine, spelling, pair), beam=beam)


def _spelling(folder: Path, manifest: Manifest) -> tuple[Spelling, Pair, int]:
    said = manifest.input
    try:
        tokenizers = {}
        for side in ("source", "target"):
            name = said[side]
            if name not in manifest.files:
                raise BundleError("the manifest does not list a file it needs", value=str(name))
            tokenizers[side] = Tokenizer.from_file(str(folder / name))
        prefix, suffix, begin = (tuple(map(str, said[name])) for name in ("prefix", "suffix", "begin"))
        spelling = Spelling(tokenizers["source"], tokenizers["target"], prefix, suffix, begin)
        if sentinel := said.get("sentinel"):
            spelling = replace(spelling, sentinel=_checked_sentinel(sentinel))
        beam = int(said.get("beam", 1))
        if not 1 <= beam <= _MOST_BEAM:
            raise ValueError(f"beam {beam}")
        return spelling, (language(said["source_lang"]), language(said["target_lang"])), beam
    except BundleError:
        raise
    except Exception as error:  # what tokenizers raises has no class of its own
        raise BundleError("the manifest's `input` is damaged", value=str(error)) from None


def _checked_sentinel(form: str) -> str:
    if form.count("{}") != 1 or "{" in form.replace("{}", "") or len(form) > 16:
        raise ValueError(f"sentinel {form!r}")
    return form


def _converted(path: Path, source: Language | None, target: Language | None, *, cache: Path) -> Path:
    """Return the checkpoint at `path` as a bundle without golden answers, converted once."""
    from penjing.export.translation_checkpoint import write_translation_bundle  # imports torch
    from penjing.train.checkpoint_pieces import checkpoint_pair

    pair = checkpoint_pair(path, source, target)
    files = sorted(found for found in path.iterdir() if found.suffix in _CHECKPOINT)
    text = "".join(found.name + file_sha256(found) for found in files) + "|".join(found.code for found in pair)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    return cached_folder(cache / f"translate-{key}", lambda folder: write_translation_bundle(path, folder, pair))
