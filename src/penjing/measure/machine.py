"""Which machine this is, as far as figures depend on it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from functools import cache
from pathlib import Path

from penjing.files import storage_error, write_text
from penjing.records import Machine, Record

_X86 = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512bw", "avx2", "avx", "sse4_2")
_ARM = {"i8mm": "neon_i8mm", "asimddp": "neon_dotprod", "asimd": "neon"}


@cache
def instruction_set() -> str:
    """Return the widest instruction set that integer kernels use here, such as avx512_vnni or neon_dotprod."""
    flags = set(_cpu_info("flags", "Features").split())
    for name in _X86:
        if name in flags:
            return name
    for flag, name in _ARM.items():
        if flag in flags:
            return name
    return platform.machine() or "unknown"


def machine() -> Machine:
    """Return what a figure must be read with."""
    return Machine(
        cpu=_cpu_info("model name", "Model") or platform.processor() or "unknown",
        cores=os.cpu_count() or 1,
        isa=instruction_set(),
        memory_bytes=_memory(),
        system=platform.platform(),
        python=platform.python_version(),
    )


def kept_file(cache: Path, what: str) -> Path:
    """Return where something that was measured on this machine is kept: a file in `cache`."""
    known = json.dumps(machine().model_dump(), sort_keys=True)
    return cache / f"{what}-{hashlib.sha256(known.encode()).hexdigest()[:12]}.json"


def keep(path: Path, found: Record) -> Path:
    """Write what was measured where `kept_file` says; return the path.

    Raises:
        StorageError: the disk is full or not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, found.model_dump_json())
    except OSError as error:
        raise storage_error(error, path) from error
    return path


def _cpu_info(*names: str) -> str:
    """Return the first value of /proc/cpuinfo with one of these names; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
