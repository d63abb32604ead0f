"""The command `run`: run the service until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time

from service.commands.environment import load_settings
from service.config import monitor_file
from service.wiring import app

END_SECONDS = 0.3


def execute(*, max_cycles: int | None) -> int:
    """Run every monitor until a signal, or until each has done `max_cycles`; return the exit status."""
    settings = load_settings()
    takes_none = settings.sent_monitors and not monitor_file.names(settings.monitors_dir)
    monitors = [] if takes_none else monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    status = asyncio.run(app.run(settings, monitors, max_cycles=max_cycles or settings.max_cycles))
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
