"""What Debian says of its packages, as a table with texts, numbers and categories.

    python -m examples.packages.prepare OUTPUT.csv

Columns: source, section, description, installed (kB), download (bytes), depends (how many), architecture. Read from the
lists that `apt-get update` left on this machine.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SECTIONS = ("games", "graphics", "net", "science", "sound", "text")
COLUMNS = ("source", "section", "description", "installed", "download", "depends", "architecture")
_FIELD = re.compile(r"^([A-Za-z-]+): (.*)$", re.M)


def rows(listed: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each package of `SECTIONS`."""
    for entry in listed.split("\n\n"):
        found = dict(_FIELD.findall(entry))
        if found.get("Section") in SECTIONS and "Description" in found:
            depends = found.get("Depends", "")
            yield (
                found.get("Source", found["Package"]).split()[0],
                found["Section"],
                found["Description"],
                found.get("Installed-Size", ""),
                found.get("Size", ""),
                str(len(depends.split(",")) if depends else 0),
                found.get("Architecture", ""),
            )


def main() -> None:
    """Write the table."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    output = Path(sys.argv[1])
    try:
        listed = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True, encoding="utf-8").stdout
    except FileNotFoundError:
        sys.exit("This data comes from Debian's package lists: apt-cache is needed, and is not here.")
    except subprocess.CalledProcessError as error:
        sys.exit(f"apt-cache dumpavail failed: {error.stderr[-400:]}")
    found = list(rows(listed))
    if not found:
        sys.exit("Debian's package lists are empty: run apt-get update first.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(found)
    print(f"{len(found):,} packages in {output}")


if __name__ == "__main__":
    main()
