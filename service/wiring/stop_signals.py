"""Stop the service at the first signal, and end the process at the second."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

log = structlog.get_logger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHELL = 128  # a shell's status for a process that a signal ended is this and the signal's number


@contextmanager
def stop_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` at the first signal; a second one ends the process at once, whatever it does then.

    That loses nothing that was committed. An embedded server goes on, and belongs to the next start.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def begin() -> None:
        log.info("stopping", hint="running cycles are finished; a second signal ends the process at once")
        stop.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, _end)

    for number in SIGNALS:
        loop.add_signal_handler(number, begin)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


@contextmanager
def ending_with_parent(worker: int | None) -> Iterator[None]:
    """Stop as at a signal once the parent of a `worker` is gone: the pipe that is its input ends with it."""
    if worker is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 1):
            loop.remove_reader(0)
            os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(0, read)
    try:
        yield
    finally:
        loop.remove_reader(0)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(_SHELL + number)
