"""What a reference to a model that writes text names, found, checked and opened."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from penjing.bundle.manifest import MANIFEST_NAME, Manifest, Origin
from penjing.bundle.read import check_files, read_manifest
from penjing.catalog.gguf_packages import GgufPackage, find_gguf_package, locate_parts
from penjing.engines.text import TEXT_ENGINES
from penjing.engines.text.process import ANSWER_TIMEOUT_S, ProcessEngine, worker_command
from penjing.engines.text.remote import Remote
from penjing.errors import ModelError
from penjing.files import file_sha256
from penjing.generation.model import TextModel
from penjing.generation.request import Format
from penjing.gguf import Gguf, read_header
from penjing.train.cached_folder import cached_folder, default_cache
from penjing.train.references import download_from_hub

DEFAULT_CONTEXT = 4096
_RULE = "a bundle, gguf:FILE, package:NAME, hf:org/name, a local folder, or openai:NAME"
_CHECKPOINT, _CONVERTED = (".json", ".jinja", ".safetensors", ".md"), "model.gguf"
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.jinja", "README.md")


def open_text_model(
    reference: str,
    *,
    engine: str | None = None,
    threads: int = 2,
    context: int | None = None,
    answer_timeout_s: float = ANSWER_TIMEOUT_S,
    cache: Path | None = None,
) -> TextModel:
    """Return the model that `reference` names, ready to write.

    A bundle runs in the engine it was made for; `gguf:FILE` (or a path that ends with .gguf) and `package:NAME` in
    llama.cpp, or in OpenVINO GenAI where `engine` is "openvino-genai"; `hf:org/name` and local folders in transformers;
    `openai:NAME` at the server that OPENAI_BASE_URL names. Local engines run in a process of their own, with `threads`
    threads; a `context` is counted in tokens (default: what the model was trained on, up to 4096). `answer_timeout_s`
    is the longest silence.

    Raises:
        ModelError: there is no such model, or its file is damaged.
        EngineError: the engine is unknown, does not run this kind of file, or cannot load it.
        MissingExtraError: the engine's library is not installed.
    """
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "openai":
        if engine is not None:
            raise ModelError("a remote model has no engine here", value=engine, rule="--engine is for local models")
        return TextModel(reference, Remote(name, answer_timeout_s=answer_timeout_s), "chat")
    if (Path(reference) / MANIFEST_NAME).is_file():
        return _bundle(Path(reference), engine=engine, threads=threads, context=context, timeout_s=answer_timeout_s)
    if colon and scheme == "hf":
        path = download_from_hub(name, reference=reference, files=_HUB_FILES)
    else:
        path = gguf_file(reference, cache=cache)
    default, most, format_ = _facts(path, reference)
    chosen = _engine(engine or default, path)
    command = worker_command(chosen, path, threads=threads, context=_context(context, most))
    started = ProcessEngine(chosen, command, threads=threads, answer_timeout_s=answer_timeout_s)
    return TextModel(reference, started, format_)


def _bundle(folder: Path, *, engine: str | None, threads: int, context: int | None, timeout_s: float) -> TextModel:
    """Return the model of a bundle, its files checked."""
    path, manifest = _bundle_file(folder)
    chosen = _engine(engine or manifest.engine, path)
    most = read_header(path).context_length
    command = worker_command(chosen, path, threads=threads, context=_context(context, most))
    started = ProcessEngine(chosen, command, threads=threads, answer_timeout_s=timeout_s)
    return TextModel(str(folder), started, manifest.input["format"])


def _bundle_file(folder: Path) -> tuple[Path, Manifest]:
    """Return the GGUF file of a bundle, checked, and its manifest."""
    manifest = read_manifest(folder)
    if manifest.kind != "generate":
        raise ModelError("this bundle does not write text", value=str(folder), rule=f"it is made to {manifest.kind}")
    check_files(folder, manifest)
    return folder / manifest.model, manifest


def gguf_file(reference: str, *, cache: Path | None = None) -> Path:
    """Return the GGUF file that `gguf:FILE`, a path, a bundle that writes or `package:NAME` names.

    Raises:
        ModelError: there is no such package, its file is not the one known, or the bundle does not write.
        BundleError: a file of the bundle is missing or changed.
    """
    if (Path(reference) / MANIFEST_NAME).is_file():
        return _bundle_file(Path(reference))[0]
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "package":
        return _package_file(find_gguf_package(name), cache=cache or default_cache())
    return Path(name if colon and scheme == "gguf" else reference).expanduser()


def gguf_source(reference: str, *, cache: Path | None = None) -> Path:
    """Return the GGUF file that `reference` names, as `gguf_file` does, or that `hf:org/name` or a folder is made to.

    A checkpoint is written as GGUF once, and kept in `cache`.

    Raises:
        ModelError: there is no such model, or its architecture or vocabulary is not known in GGUF.
        BundleError: a file of the bundle is missing or changed.
    """
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "hf":
        path = download_from_hub(name, reference=reference, files=_HUB_FILES)
    else:
        path = gguf_file(reference, cache=cache)
    if not path.is_dir():
        return path
    if not (path / "config.json").is_file():
        raise ModelError("no model that writes text in this folder", value=reference, rule="config.json, safetensors")
    from penjing.export.gguf_checkpoint import write_gguf  # imports torch

    files = sorted(found for found in path.iterdir() if found.suffix in _CHECKPOINT)
    key = hashlib.sha256("".join(found.name + file_sha256(found) for found in files).encode()).hexdigest()[:16]
    title = name if colon else path.name
    target = (cache or default_cache()) / f"gguf-{key}"
    return cached_folder(target, lambda folder: write_gguf(path, folder / _CONVERTED, name=title)) / _CONVERTED


def gguf_origin(reference: str, path: Path) -> Origin:
    """Return where the GGUF file at `path`, named by `reference`, comes from: the package's facts, or its header's."""
    scheme, _, name = reference.partition(":")
    if scheme == "package":
        package = find_gguf_package(name)
        return Origin(
            reference=reference,
            name=package.title,
            version=package.requirements[0].partition("==")[2],
            sha256=package.sha256,
            licence=package.licence,
            source=package.source,
        )
    said = read_header(path).metadata
    return Origin(
        reference=reference,
        name=str(said.get("general.name") or path.stem),
        sha256=file_sha256(path),
        licence=str(said.get("general.license") or "not stated"),
        source=str(said.get("general.source.url") or path.name),
    )


def _package_file(package: GgufPackage, *, cache: Path) -> Path:
    """Return the path of the package's GGUF file, joined from its parts where there are several."""
    parts = locate_parts(package)
    if len(parts) == 1:
        path = parts[0]
    else:
        target = cache / f"{package.name}-{package.sha256[:8]}"
        path = cached_folder(target, lambda folder: _join(parts, folder / package.file)) / package.file
    if file_sha256(path) != package.sha256:
        raise ModelError(
            f"the file of {package.name} has changed",
            value=str(path),
            rule=f"SHA-256 {package.sha256}",
            next_step=f"Run: {package.install} --force-reinstall",
        )
    return path


def _join(parts: list[Path], target: Path) -> None:
    with target.open("wb") as whole:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole, 2**20)


def _facts(path: Path, reference: str) -> tuple[str, int | None, Format]:
    """Return the default engine, the longest context and the default format of what lies at `path`."""
    if path.is_dir():
        if (path / "openvino_model.xml").is_file():
            return "openvino-genai", None, "chat"
        if (path / "config.json").is_file():
            return "transformers", None, _folder_format(path)
        raise ModelError(
            "no model that writes text in this folder",
            value=reference,
            rule="config.json with safetensors, or openvino_model.xml",
        )
    if path.suffix != ".gguf" and not reference.startswith("gguf:"):
        raise ModelError("no such model", value=reference, rule=_RULE, next_step="Check the path or the name")
    header = read_header(path)
    return "llamacpp", header.context_length, _header_format(header)


def _header_format(header: Gguf) -> Format:
    return "chat" if header.chat_template else "plain"


def _folder_format(folder: Path) -> Format:
    template = folder / "chat_template.jinja"
    settings = folder / "tokenizer_config.json"
    said = settings.is_file() and '"chat_template"' in settings.read_text(encoding="utf-8")
    return "chat" if template.is_file() or said else "plain"


def _engine(name: str, path: Path) -> str:
    if name not in TEXT_ENGINES:
        raise ModelError("unknown engine", value=name, rule=f"one of {', '.join(TEXT_ENGINES)}")
    if (name == "llamacpp" and path.is_dir()) or (name == "transformers" and not path.is_dir()):
        raise ModelError(
            "this engine does not run this file",
            value=f"{name}: {path.name}",
            rule="llamacpp: .gguf; "
            "transformers: a folder with safetensors; openvino-genai: .gguf or an OpenVINO folder",
        )
    return name


def _context(wanted: int | None, most: int | None) -> int:
    if wanted is None:
        return min(most or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    if wanted < 1 or (most is not None and wanted > most):
        raise ModelError("the context is not possible", value=f"{wanted} tokens", rule=f"1 to {most or 'any'}")
    return wanted
