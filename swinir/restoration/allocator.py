"""Memory that one tile, or one step of training, frees is kept for the next."""

import ctypes
import os
import sys
from functools import cache

KEPT = 256 << 20
"""Bytes at the end of the heap that stay with the process; what is more goes back to the system."""

OWN = 32 << 20
"""Bytes from which a block is mapped by itself, and goes back as soon as it is freed.

The most that glibc takes.
"""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


@cache
def keep_freed_memory() -> bool:
    """Have glibc hand the same pages from tile to tile; whether that could be arranged.

    Left alone it gives most of a tile's memory back to the system, which clears each page before
    the next tile gets it: up to a sixth of the time of a small one. It is arranged once for the
    process, and not where the environment has its own wishes or the C library is another.
    """
    wishes = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
    if sys.platform != "linux" or any(wish in os.environ for wish in wishes):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, OWN)) and bool(mallopt(_TRIM_THRESHOLD, KEPT))
