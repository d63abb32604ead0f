"""Build the reporter of Evidently's reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from service.config.settings import Settings
    from service.core.worker_call import Worker
    from service.runtime.compute_threads import Compute
    from service.store.postgres import PostgresStore
from service.reports.reporter import Reported, Reporter

FOLDER = "reports"


def reporter_of(
    settings: Settings,
    *,
    pool: asyncpg.Pool,
    store: PostgresStore,
    compute: Compute,
    worker: Worker,
    monitors: Mapping[str, Reported],
) -> Reporter:
    """Return the reporter that the settings ask for; monitors may be added afterwards."""
    folder = settings.data_dir / FOLDER
    return Reporter(pool, store, compute, worker, monitors, folder=folder, kept=settings.reports_kept)
