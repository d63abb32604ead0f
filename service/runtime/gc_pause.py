"""Pause Python's garbage collector during the start, and exempt the objects that the start creates.

A collection stops every thread, including the event loop's. The start creates several hundred thousand
objects that stay, and every full collection visits all of them: about 40 ms, repeated as their number grows.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def postponed() -> Iterator[None]:
    """Collect nothing while the context lasts, and later nothing that was there at its end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
