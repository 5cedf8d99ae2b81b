"""What the modules of Python's standard library say of themselves, as texts for a small language model.

    python -m examples.docstrings.prepare OUTPUT.jsonl

A line {"text": ...} for each docstring of modules, classes and functions that has 200 to 3,000 characters. The texts
are those of the Python that runs this (PSF licence); files are read, no module is imported.
"""

from __future__ import annotations

import ast
import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_FEWEST, _MOST = 200, 3_000  # characters
_WITHOUT = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3"}


def docstrings(folder: Path) -> Iterator[str]:
    """Yield each docstring once."""
    seen = set()
    for path in sorted(folder.rglob("*.py")):
        if _WITHOUT.intersection(path.relative_to(folder).parts):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = (ast.get_docstring(node) or "").strip()
                if _FEWEST <= len(text) <= _MOST and text not in seen:
                    seen.add(text)
                    yield text


def main() -> None:
    """Write the texts."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    output = Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    found = list(docstrings(Path(sysconfig.get_path("stdlib"))))
    with output.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in found)
    print(f"{len(found):,} docstrings, {sum(map(len, found)):,} characters, in {output}")


if __name__ == "__main__":
    main()
