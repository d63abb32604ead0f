"""Build the reporter of Evidently's reports on the store and the worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.reports.reporter import Reporter, sampled_rows
from service.store.tables import window_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import asyncpg

    from service.config.settings import Settings
    from service.core.rows.batch import Batch
    from service.core.windows.records import WindowRun
    from service.core.worker_call import Worker
    from service.reports.reporter import ReportedMonitor
    from service.runtime.compute_threads import Compute
    from service.store.postgres import PostgresStore

FOLDER = "reports"


@dataclass(frozen=True, slots=True)
class StoredWindows:
    """The measured windows of the store; their samples are decoded on a worker thread."""

    pool: asyncpg.Pool
    store: PostgresStore
    compute: Compute

    async def find(self, monitor: str, window: int | None) -> WindowRun | None:
        """Return the window with the id `window`, or the newest one (None)."""
        return await window_run.find(self.pool, monitor, window)

    async def ending_at(self, monitor: str, end: datetime) -> WindowRun | None:
        """Return the latest measurement of the window that ends at `end`."""
        return await window_run.ending_at(self.pool, monitor, end)

    async def of_panes(self, monitor: str, layout: str, first: int, last: int) -> WindowRun | None:
        """Return the latest measurement of the window with these panes."""
        return await window_run.of_panes(self.pool, monitor, layout, first, last)

    async def sampled_rows(self, run: WindowRun) -> Batch:
        """Return the rows that are kept of a window."""
        panes = await self.store.panes(run.monitor, run.layout, run.first_pane, run.last_pane)
        return await self.compute.run(sampled_rows, panes)


def build_reporter(
    settings: Settings, windows: StoredWindows, worker: Worker, monitors: Mapping[str, ReportedMonitor]
) -> Reporter:
    """Return the reporter that the settings ask for; monitors may be added afterwards."""
    folder = settings.data_dir / FOLDER
    return Reporter(windows, worker, monitors, folder=folder, kept=settings.reports_kept)
