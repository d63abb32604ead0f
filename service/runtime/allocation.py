"""How the process takes memory and gives it back.

What is taken in, and what a cycle reads, comes in blocks of megabytes on several threads. Arrow's own
allocator and an arena of the C library for each thread keep such blocks for later: a service that took in
200,000 rows kept 60 MB more than one in which all threads share.
"""

from __future__ import annotations

import ctypes
import os

ARROW_POOL = "ARROW_DEFAULT_MEMORY_POOL"
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # glibc's names for `mallopt`
ARENAS = 2
MAPPED_BYTES = 1 << 20  # blocks from this size on go back as soon as they are free
KEPT_BYTES = 16 << 20


def share() -> None:
    """Let all threads, and Arrow, share few arenas; to be called before Arrow is imported.

    An environment that sets `ARROW_DEFAULT_MEMORY_POOL` or `MALLOC_ARENA_MAX` keeps its choice. Another C
    library than glibc keeps its own ways.
    """
    os.environ.setdefault(ARROW_POOL, "system")
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in (
            (_ARENA_MAX, ARENAS),
            (_MMAP_THRESHOLD, MAPPED_BYTES),
            (_TRIM_THRESHOLD, KEPT_BYTES),
        ):
            mallopt(option, value)
