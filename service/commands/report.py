"""`tidegauge report`: Evidently's report of one window, without a running service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.config import monitor_file
from service.errors import ConfigurationError
from service.reports.reporter import Reported
from service.runtime.compute_threads import workers
from service.runtime.progress_bar import shown
from service.store.migrate import migrate, migrations_folder
from service.store.postgres import PostgresStore
from service.wiring import worker_process
from service.wiring.database import database
from service.wiring.monitor import watch
from service.wiring.reports import reporter_of
from service.worker.client import worker

if TYPE_CHECKING:
    from service.config.settings import Settings


async def report(settings: Settings, name: str, window: int | None) -> tuple[int, str]:
    """Return the id of a monitor's window (None: its newest) and Evidently's HTML of it.

    Raises ConfigurationError where no monitor has that name, else what `Reporter.report` raises.
    """
    monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    monitor = next((monitor for monitor in monitors if monitor.name == name), None)
    if monitor is None:
        known = ", ".join(monitor.name for monitor in monitors)
        raise ConfigurationError(f"no monitor is named {name!r}; expected one of: {known}")
    async with database(settings) as pool, workers() as compute, worker(worker_process) as slowly:
        await migrate(pool, migrations_folder())
        watched = watch(monitor, pool, compute)
        reported = Reported(monitor.schema_, monitor.description, watched.load_reference)
        reporter = reporter_of(
            settings,
            pool=pool,
            store=PostgresStore(pool),
            compute=compute,
            worker=slowly,
            monitors={name: reported},
        )
        with shown("Evidently draws the report"):
            return await reporter.report(name, window)
