"""Keeps memory that one frame has freed for the next one.

glibc gives the freed end of its memory back to the system, which zeroes every page again when the next tensor asks for
it: on a CPU a tenth of a large frame's time (docs/notes/0180-bands-that-flow-through-the-levels.md).
"""

import ctypes
import os
import platform
from functools import cache

__all__ = ["keep_freed_memory"]

KEPT_BYTES = 256 << 20  # of freed memory at the end of the heap; glibc keeps 64 MiB at most by itself
HEAP_BYTES = 32 << 20  # tensors up to this size come from the heap, which is the most that glibc allows
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
USERS_SETTINGS = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"}  # in the environment


@cache
def keep_freed_memory() -> bool:
    """Let this process keep ``KEPT_BYTES`` of what it frees; returns whether it does. Asked once per process.

    Other C libraries are left alone, and so is what the user has set.
    """
    if USERS_SETTINGS & os.environ.keys() or platform.libc_ver()[0] != "glibc":
        return False
    set_option = ctypes.CDLL(None).mallopt
    return bool(set_option(M_MMAP_THRESHOLD, HEAP_BYTES) and set_option(M_TRIM_THRESHOLD, KEPT_BYTES))
