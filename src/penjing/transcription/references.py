"""What `penjing transcribe MODEL` can name: `package:NAME`, `hf:org/name` or a folder, in CTranslate2's format."""

from __future__ import annotations

from pathlib import Path

from penjing.catalog.packages import find_model_package, locate_parts
from penjing.errors import ModelError
from penjing.train.references import download_from_hub
from penjing.transcription.model import Precision, Transcriber

_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_OPTIONAL = ("preprocessor_config.json",)
_MOST_BYTES = 8 * 2**30


def open_transcriber(reference: str, *, threads: int = 2, precision: Precision = "float32") -> Transcriber:
    """Return the Whisper that `reference` names.

    Raises:
        ModelError: there is no such model, or it is no Whisper in CTranslate2's format.
        MissingExtraError: the package, CTranslate2 or the hub's client is not installed.
    """
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "package":
        return Transcriber(_of_package(name, reference), threads=threads, precision=precision)
    if colon and scheme in {"openai", "gguf"}:
        raise _unknown(reference)
    if colon and scheme == "hf":
        folder = download_from_hub(name, reference=reference, files=(*_NEEDED, *_VOCABULARIES, *_OPTIONAL))
    else:
        folder = Path(reference).expanduser()
    return Transcriber(_of_folder(folder, reference), threads=threads, precision=precision)


def _of_package(name: str, reference: str) -> dict[str, bytes]:
    package = find_model_package(name)
    if package.layout != "whisper":
        raise _unknown(reference)
    parts = locate_parts(package)
    beside = {file.name: file for file in parts[0].parent.iterdir() if file.suffix in {".json", ".txt"}}
    known = {Path(file).name for file in package.sha256}
    files = {file: path.read_bytes() for file, path in beside.items() if file in known}
    return {**files, "model.bin": b"".join(part.read_bytes() for part in parts)}


def _of_folder(folder: Path, reference: str) -> dict[str, bytes]:
    if not folder.is_dir():
        raise ModelError(
            "model not found",
            value=reference,
            rule="package:NAME, hf:org/name or a folder",
            next_step="Use package:whisper-tiny.en (English) or package:whisper-base",
        )
    missing = [file for file in _NEEDED if not (folder / file).is_file()]
    if missing:
        raise ModelError(
            "not a Whisper model of CTranslate2",
            value=f"{folder}: {', '.join(missing)} missing",
            next_step="Convert it: ct2-transformers-converter --model … --copy_files tokenizer.json --output_dir …",
        )
    found = {file: folder / file for file in (*_NEEDED, *_VOCABULARIES, *_OPTIONAL) if (folder / file).is_file()}
    size = sum(path.stat().st_size for path in found.values())
    if size > _MOST_BYTES:
        raise ModelError("the model is too large", value=f"{size:,} bytes", rule=f"at most {_MOST_BYTES:,}")
    return {file: path.read_bytes() for file, path in found.items()}


def _unknown(reference: str) -> ModelError:
    return ModelError(
        "this model does not transcribe",
        value=reference,
        rule="package:NAME, hf:org/name or a folder in CTranslate2's format",
        next_step="Use package:whisper-tiny.en (English) or package:whisper-base",
    )
