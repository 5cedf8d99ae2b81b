"""A bundle as a folder of static files: a page that answers in the browser, without a server behind it.

ONNX Runtime Web runs the model, Hugging Face's tokenizers.js reads texts; both come from npm, pinned by their hashes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from penjing.bundle.golden import GOLDEN_NAME, read_golden
from penjing.bundle.manifest import Manifest
from penjing.bundle.read import check_files, read_manifest
from penjing.errors import BundleError, ModelError, TaskError
from penjing.export.web_tokenizer import web_tokenizer
from penjing.files import file_sha256, new_folder, write_text
from penjing.measure.size import folder_size
from penjing.pictures.frame import Frame

INSTALL = "npm install onnxruntime-web@1.30.0 @huggingface/tokenizers@0.2.0"
_ORT, _TOKENIZERS = "onnxruntime-web/dist", "@huggingface/tokenizers/dist"
RUNTIME = {
    f"{_ORT}/ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    f"{_ORT}/ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    f"{_ORT}/ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    f"{_TOKENIZERS}/tokenizers.min.mjs": "258e46332101335ce8d95aed7745b19ac3b46d37f3e159a89cf894c2ea9b1d3a",
}
"""What is taken from node_modules, with the SHA-256 of each file."""
_KINDS = {"classify": "tokens", "image": "pixels"}
_EXAMPLE_LETTERS = 120


def export_web(bundle: Path, output: Path, *, modules: Path) -> int:
    """Write the page into the new folder `output`; return the bytes of everything in it.

    `modules` is the node_modules folder that holds the runtime (see `INSTALL`).

    Raises:
        BundleError: the bundle is damaged, or of a kind that browsers do not run.
        ModelError: the runtime is not there, or is another version.
        TaskError: `output` is there already.
        ExportError: browsers would read texts otherwise.
    """
    manifest = read_manifest(bundle)
    check_files(bundle, manifest)
    if manifest.engine != "onnxruntime" or manifest.input.get("type") != _KINDS.get(manifest.kind):
        raise BundleError(
            "browsers do not run this bundle",
            value=f"{manifest.kind}, {manifest.engine}, {manifest.input.get('type')}",
            rule="an ONNX model for texts or pictures",
        )
    runtime = {Path(name).name: _checked(modules / name, sha256) for name, sha256 in RUNTIME.items()}
    if output.exists():
        raise TaskError("--output is there already", value=str(output), rule="a new folder")

    with new_folder(output) as folder:
        _write_page(folder)
        (folder / "runtime").mkdir()
        for name, path in runtime.items():
            shutil.copyfile(path, folder / "runtime" / name)
        shutil.copyfile(bundle / manifest.model, folder / "model.onnx")
        shutil.copyfile(bundle / GOLDEN_NAME, folder / GOLDEN_NAME)
        _write_config(folder, bundle, manifest)
    return folder_size(output)


def _checked(path: Path, sha256: str) -> Path:
    if not path.is_file():
        raise ModelError("the runtime for browsers is not here", value=str(path), next_step=f"Run: {INSTALL}")
    if file_sha256(path) != sha256:
        raise ModelError(
            "the runtime for browsers is another version", value=str(path), rule=sha256, next_step=f"Run: {INSTALL}"
        )
    return path


def _write_page(folder: Path) -> None:
    page = files("penjing.export") / "web_page"
    for file in page.iterdir():
        if file.name.endswith((".html", ".css", ".js")):
            write_text(folder / file.name, file.read_text(encoding="utf-8"))


def _write_config(folder: Path, bundle: Path, manifest: Manifest) -> None:
    """Write what the page must know of the bundle, and what is kept for when there is no network."""
    golden = read_golden(bundle)
    texts = [row.text for row in golden if row.text]
    settings: dict[str, Any] = dict(manifest.input)
    if settings["type"] == "tokens":
        tokenizer = web_tokenizer((bundle / settings["tokenizer"]).read_text(encoding="utf-8"), texts=texts)
        write_text(folder / "tokenizer.json", tokenizer.content)
        settings |= {"after": tokenizer.after}
    else:
        settings = Frame.model_validate({name: value for name, value in settings.items() if name != "type"}).settings()
    outputs = manifest.outputs
    config: Mapping[str, Any] = {
        "name": manifest.name,
        "kind": manifest.kind,
        "model": "model.onnx",
        "size_bytes": (folder / "model.onnx").stat().st_size,
        "input": settings,
        "labels": outputs.labels,
        "multi_label": outputs.multi_label,
        "temperature": outputs.temperature,
        "abstain_below": outputs.abstain_below,
        "example": next((text for text in texts if len(text) <= _EXAMPLE_LETTERS), ""),
    }
    write_text(folder / "config.json", json.dumps(config, ensure_ascii=False, indent=1))
    kept = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    name = hashlib.sha256("".join(file_sha256(folder / file) for file in kept).encode()).hexdigest()[:16]
    listed = [file for file in kept if file not in {"index.html", "offline.js"}]
    head = f'const VERSION = "{name}";\nconst FILES = {json.dumps(["./", "index.html", *listed])};\n'
    write_text(folder / "offline.js", head + (folder / "offline.js").read_text(encoding="utf-8"))
