"""Debian packages as sources of data: downloaded and unpacked, nothing is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def fetch(packages: Sequence[str], downloads: Path) -> None:
    """Unpack each package into a folder of its name in `downloads`, where it is not there yet."""
    downloads.mkdir(parents=True, exist_ok=True)
    downloads.chmod(0o755)  # apt's own user writes here
    missing = [name for name in packages if not (downloads / name).is_dir()]
    if missing:
        print(f"downloading {len(missing)} package{'s' if len(missing) > 1 else ''}", flush=True)
        try:
            subprocess.run(["apt-get", "download", "-q", *missing], cwd=downloads, check=True, capture_output=True)
        except FileNotFoundError:
            sys.exit("This data comes from Debian's packages: apt-get is needed, and is not here.")
        except subprocess.CalledProcessError as error:
            sys.exit(f"apt-get download failed (try apt-get update first): {error.stderr.decode()[-400:]}")
    for name in missing:
        archive = next(downloads.glob(f"{name}_*.deb"))
        subprocess.run(["dpkg", "-x", str(archive), str(downloads / name)], check=True)
