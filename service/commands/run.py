"""The command `run`: run the service until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time

import structlog

from service.commands.environment import load_settings
from service.commands.exit_status import MISCONFIGURED
from service.config import monitor_file
from service.errors import ConfigurationError
from service.wiring import app
from service.wiring.leases.workers import run_workers

END_SECONDS = 0.3


def execute(*, max_cycles: int | None, workers: int | None = None, worker: int | None = None) -> int:
    """Run every monitor until a signal, or until each has done `max_cycles`; return the exit status.

    With `workers` above 1 so many processes do, of which each is called with its number, `worker`.
    """
    settings = load_settings()
    takes_none = settings.sent_monitors and not monitor_file.names(settings.monitors_dir)
    monitors = [] if takes_none else monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    cycles, count = max_cycles or settings.max_cycles, workers or settings.workers
    if worker is None and count > 1:
        if cycles is not None:
            raise ConfigurationError(
                f"--max-cycles {cycles} with {count} workers: a monitor may change from one to another; "
                "expected --workers 1"
            )
        return asyncio.run(run_workers(settings, count, fatal=(MISCONFIGURED,)))
    if worker is not None:
        structlog.contextvars.bind_contextvars(worker=worker)
    status = asyncio.run(app.run(settings, monitors, max_cycles=cycles, worker=worker))
    if _threads_left():
        # Python would wait for them, half a minute for a long calculation whose result nobody wants.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _threads_left() -> bool:
    """Return whether threads still run after a moment in which idle ones end."""
    deadline = time.monotonic() + END_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                return True
    return False
