"""What this process holds in memory."""

from __future__ import annotations

from pathlib import Path


def peak_memory() -> int:
    """Return the most memory this process has held, in bytes (VmHWM); 0 where the system does not say."""
    return _status("VmHWM:")


def resident_memory() -> int:
    """Return the memory this process holds now, in bytes (VmRSS); 0 where the system does not say."""
    return _status("VmRSS:")


def _status(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0
