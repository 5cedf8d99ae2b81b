"""A bundle for ONNX Runtime on phones: the model in ORT's format, the operators it needs, golden answers.

Source: ONNX Runtime's documentation, "ORT model format" and "Build a custom ONNX Runtime package": a package built
for required_operators.config holds these operators alone.
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import onnxruntime

from penjing.bundle.golden import GOLDEN_NAME, read_golden
from penjing.bundle.manifest import Manifest
from penjing.bundle.read import check_files, load, read_manifest
from penjing.errors import BundleError, ExportError, MissingExtraError, TaskError
from penjing.files import new_folder, write_text
from penjing.measure.size import folder_size

MODEL, OPERATORS = "model.ort", "required_operators.config"
_COMPARED = 16


def export_mobile(bundle: Path, output: Path) -> int:
    """Write the new folder `output`; return the bytes of everything in it.

    It holds model.ort, required_operators.config, config.json (labels, temperature, how inputs are made), the
    tokenizer where there is one, and golden.jsonl.

    Raises:
        BundleError: the bundle is damaged, or no ONNX model.
        TaskError: `output` is there already.
        MissingExtraError: onnx is not installed, which ONNX Runtime's converter needs.
    """
    manifest = read_manifest(bundle)
    check_files(bundle, manifest)
    if manifest.engine != "onnxruntime" or not manifest.model.endswith(".onnx"):
        raise BundleError("phones do not run this bundle", value=manifest.engine, rule="an ONNX model")
    if output.exists():
        raise TaskError("--output is there already", value=str(output), rule="a new folder")
    with new_folder(output) as folder:
        shutil.copyfile(bundle / manifest.model, folder / "model.onnx")
        _convert(folder / "model.onnx")
        (folder / "model.onnx").unlink()
        _check(folder / MODEL, bundle)
        for name in (GOLDEN_NAME, manifest.input.get("tokenizer")):
            if name and (bundle / name).is_file():
                shutil.copyfile(bundle / name, folder / name)
        write_text(folder / "config.json", json.dumps(_config(manifest), ensure_ascii=False, indent=1))
    return folder_size(output)


def _convert(model: Path) -> None:
    """Write model.ort and the list of operators beside `model`, by ONNX Runtime's own converter, for ARM."""
    try:
        from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort
    except ImportError as error:
        raise MissingExtraError(error.name or "onnx", extra="train") from None
    said = StringIO()
    logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)
    with redirect_stdout(said):
        convert_onnx_models_to_ort(model, optimization_styles=[OptimizationStyle.Fixed], target_platform="arm")
    if not model.with_suffix(".ort").is_file():
        raise ExportError("ONNX Runtime's converter wrote no model", value=said.getvalue().strip()[-200:])
    made = model.with_suffix(f".{OPERATORS}")
    operators = [line for line in made.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    write_text(model.parent / OPERATORS, "".join(f"{line}\n" for line in operators))
    made.unlink()


def _check(model: Path, bundle: Path) -> None:
    """Compare the answers of the converted model with those of the bundle, to golden inputs, on this machine."""
    given = load(bundle, threads=1)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    inputs = [row.source for row in read_golden(bundle)][:_COMPARED]
    for one in inputs:
        batch = given.encode([one])
        if session.run(None, dict(batch))[0].argmax() != given.run(batch).argmax():
            raise ExportError("the converted model answers otherwise", value=str(model))


def _config(manifest: Manifest) -> dict[str, object]:
    outputs = manifest.outputs
    return {
        "name": manifest.name,
        "kind": manifest.kind,
        "model": MODEL,
        "input": manifest.input,
        "labels": outputs.labels,
        "multi_label": outputs.multi_label,
        "temperature": outputs.temperature,
        "abstain_below": outputs.abstain_below,
    }
