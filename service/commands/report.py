"""The command `report`: write Evidently's report of one window, without a running service."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN
from service.commands.metrics import unknown_name
from service.config import monitor_file
from service.errors import ConfigurationError
from service.reports.reporter import ReportedMonitor
from service.runtime.compute_threads import workers
from service.runtime.progress_bar import shown
from service.store.migrate import migrate, migrations_folder
from service.store.postgres import PostgresStore
from service.wiring import worker_process
from service.wiring.database import database
from service.wiring.hash_key import hash_key
from service.wiring.monitor import build_monitor
from service.wiring.reports import StoredWindows, build_reporter
from service.worker.client import worker

if TYPE_CHECKING:
    from service.config.settings import Settings


def execute(*, monitor: str, window: int | None, output: Path | None) -> int:
    """Write the report of a window (None: the newest) and print its path; return the exit status."""
    number, page = asyncio.run(_report(load_settings(), monitor, window))
    path = output or Path(f"{monitor}-{number}.html")
    path.write_text(page)
    sys.stdout.write(f"{path}\n")
    return CLEAN


async def _report(settings: Settings, name: str, window: int | None) -> tuple[int, str]:
    """Return the id of a monitor's window and Evidently's HTML of it.

    Raises ConfigurationError where no monitor has that name, else what `Reporter.report` raises.
    """
    monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    monitor = next((monitor for monitor in monitors if monitor.name == name), None)
    if monitor is None:
        known = [monitor.name for monitor in monitors]
        raise ConfigurationError(f"--monitor: {unknown_name(name, known)}")
    async with database(settings) as pool, workers() as compute, worker(worker_process) as calls:
        await migrate(pool, migrations_folder())
        plan = build_monitor(monitor, pool, compute, lambda: hash_key(settings))
        reported = ReportedMonitor(monitor.schema_, monitor.description, plan.load_reference)
        windows = StoredWindows(pool, PostgresStore(pool), compute)
        reporter = build_reporter(settings, windows, calls, {name: reported})
        with shown("Evidently draws the report"):
            return await reporter.report(name, window)
