"""What a learner's code may take: no more memory, time, files or processes than an exercise needs.

On Linux new processes and sockets are refused by the kernel (seccomp); elsewhere by the limit on processes alone, which
holds for everybody but root.
"""

from __future__ import annotations

import ctypes
import platform
import resource
import struct

MEMORY_BYTES, CPU_S = 2 * 2**30, 10
_FILE_BYTES = 2**20
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2  # of prctl(2)
_REFUSED = {"x86_64": (56, 57, 58, 435, 41), "aarch64": (220, 435, 198)}
"""By machine: clone, fork, vfork, clone3 and socket, as far as there are such calls."""
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # of the packet filter's language
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000 | 1  # go on; fail with EPERM


def limit_self() -> None:
    """Put this process under the limits, for good."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    refused = _REFUSED.get(platform.machine()) if platform.system() == "Linux" else None
    if refused is None:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    else:
        _refuse(refused)


def _refuse(calls: tuple[int, ...]) -> None:
    """Let these system calls fail from now on. Source: the manual of seccomp(2), SECCOMP_MODE_FILTER."""
    lines = [struct.pack("HBBI", _LOAD, 0, 0, 0)]
    for place, call in enumerate(calls):
        lines.append(struct.pack("HBBI", _EQUAL, len(calls) - place, 0, call))
    lines += [struct.pack("HBBI", _RETURN, 0, 0, _ALLOW), struct.pack("HBBI", _RETURN, 0, 0, _ERROR)]
    code = ctypes.create_string_buffer(b"".join(lines))
    program = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code))
    kept = ctypes.create_string_buffer(program)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, ctypes.byref(kept), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
