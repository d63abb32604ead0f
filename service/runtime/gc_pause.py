"""When may Python's garbage collector run? Not while the service starts, and never over what a start made.

A collection holds every thread, the event loop's too. A start imports and builds some hundred thousand
objects that stay, and a full collection looks at each: some 40 ms, again and again as they become more.
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
