"""The command `run`: run the service until it is stopped."""

from __future__ import annotations

import asyncio

from service.commands.environment import load_settings
from service.config import monitor_file
from service.wiring import app


def execute(*, max_cycles: int | None) -> int:
    """Run every monitor until a signal, or until each has done `max_cycles`; return the exit status."""
    settings = load_settings()
    monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    return asyncio.run(app.run(settings, monitors, max_cycles=max_cycles or settings.max_cycles))
