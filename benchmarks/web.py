"""A bundle in the browser beside the same bundle here: labels of 1,000 inputs, and the time to the first answer.

    make bench-web BUNDLE=runs/reviews-small/bundle INPUTS=reviews.csv      # or a folder of pictures

The page is served by a static server on this machine and opened in headless Chromium with nothing kept from before.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import numpy as np

from benchmarks.compare import result_of
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError
from penjing.bundle.read import Bundle, load
from penjing.cli.labelled_files import asked_files
from penjing.cli.texts import read_texts
from penjing.data.labelled_files import PICTURES
from penjing.export.web import export_web
from penjing.measure.intervals import wilson

COMMAND = "make bench-web"
_MOST, _OPENED, _TIMED = 1_000, 7, 50
_ANSWER = """async (inputs) => {
  const found = [];
  for (const input of inputs) {
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    found.push(await penjing.logits(input.file ? new Blob([bytes(input.file)]) : input.text));
  }
  return found;
}"""
_TIMES = """async (inputs) => {
  const found = [];
  for (const input of inputs) {
    const began = performance.now();
    await penjing.logits(input.text ?? new Blob([Uint8Array.from(atob(input.file), (letter) => letter.charCodeAt(0))]));
    found.push(performance.now() - began);
  }
  return found;
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *told: Any) -> None:
        """Say nothing."""


def main() -> int:
    """Measure one bundle, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("inputs")
    parser.add_argument("--column", default="text")
    parser.add_argument("--modules", type=Path, default=Path(".web/node_modules"))
    asked = parser.parse_args()
    try:
        bundle = load(asked.bundle, threads=1)
        inputs = _inputs(bundle, asked.inputs, asked.column)
        with TemporaryDirectory() as folder:
            size = export_web(asked.bundle, Path(folder) / "site", modules=asked.modules)
            row = _measured(bundle, inputs, Path(folder) / "site") | {"size_bytes": size}
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    name = f"web-{bundle.manifest.task.get('name', bundle.manifest.kind)}"
    result = result_of(f"{COMMAND} BUNDLE={asked.bundle} INPUTS={asked.inputs}", [row])
    write_result_file(name, result)
    write_block(name, _render(result))
    return 0


def _inputs(bundle: Bundle, given: str, column: str) -> list[str | bytes]:
    """Return texts, or the contents of pictures."""
    if bundle.manifest.kind == "image":
        named = [given] if Path(given).is_dir() else None
        found = asked_files(named, None if named else given, column=None, medium=PICTURES)
        files = [source for _, source in islice(found, _MOST) if isinstance(source, str | Path | bytes)]
        return [source if isinstance(source, bytes) else Path(source).read_bytes() for source in files]
    return list(islice(read_texts(None, given, column=column, usage=COMMAND), _MOST))


def _measured(bundle: Bundle, inputs: Sequence[str | bytes], site: Path) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    given = [{"text": one} if isinstance(one, str) else {"file": b64encode(one).decode()} for one in inputs]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as driver:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = [_first_answer(browser, url, given[place]) for place in range(_OPENED)]
        page = browser.new_context().new_page()
        page.goto(url)
        page.wait_for_selector("#go:not([disabled])")
        found = np.array(page.evaluate(_ANSWER, given))
        times = page.evaluate(_TIMES, given[:_TIMED])
        version = browser.version
        browser.close()
    server.shutdown()
    here = np.concatenate([bundle.logits([one]) for one in inputs])
    same = int((found.argmax(1) == here.argmax(1)).sum())
    interval = wilson(same, len(inputs))
    return {
        "system": f"Chromium {version}, onnxruntime-web", "role": "choice", "dataset": str(bundle.manifest.name),
        "task": bundle.manifest.kind, "metric": "same label", "seed": 0, "value": same / len(inputs),
        "ci": [interval.low, interval.high], "n": len(inputs), "largest_difference": float(np.abs(found - here).max()),
        "first_answer_s": float(np.median(opened)), "first_answer_worst_s": max(opened),
        "p50_ms": float(np.median(times)), "p95_ms": float(np.quantile(times, 0.95)), "failed": None,
    }  # fmt: skip


def _first_answer(browser: Any, url: str, one: dict[str, str]) -> float:
    """Return the seconds from opening the page to its first answer, nothing being kept from before."""
    context = browser.new_context()
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("#go:not([disabled])")
    page.evaluate(_ANSWER, [one])
    spent = time.perf_counter() - began
    context.close()
    return spent


def _render(result: dict[str, Any]) -> str:
    [row] = result["rows"]
    return "\n".join(
        [
            "| bundle | same label as here (95 % interval) | n | largest difference of a logit | first answer, median "
            f"and slowest of {_OPENED} | p50 | p95 | folder |",
            "|---|---|---|---|---|---|---|---|",
            f"| {row['dataset']} | {row['value']:.4f} [{row['ci'][0]:.4f}, {row['ci'][1]:.4f}] | {row['n']:,} "
            f"| {row['largest_difference']:.1e} | {row['first_answer_s']:.2f} s, {row['first_answer_worst_s']:.2f} s "
            f"| {row['p50_ms']:.1f} ms | {row['p95_ms']:.1f} ms | {row['size_bytes'] / 1e6:.1f} MB |",
            "",
            f"{row['system']}. {footer(result)}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
