"""What would keep the service from working? Monitor files, their data and the database, a line a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service import monitor_file
from service.database import database
from service.errors import ConfigurationError, StoreError, TidegaugeError
from service.executor import workers
from service.methods import registry
from service.monitor_source import ReplayConfig
from service.store.migrate import migrate, migrations_folder
from service.watching import reference_rows_loader, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

    from service.core.batch import Batch
    from service.executor import Compute
    from service.methods.drift import DriftPlan
    from service.monitor import Monitor
    from service.settings import Settings


async def check(settings: Settings) -> list[str]:
    """Return everything that would keep the service from working, a line each: monitors, files, database."""
    faults: list[str] = []
    try:
        monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    except ConfigurationError as error:
        faults, monitors = str(error).splitlines(), []
    try:
        async with database(settings) as pool, workers() as compute:
            await migrate(pool, migrations_folder())
            for monitor in monitors:
                faults += await _data_faults(monitor, pool, compute)
    except (StoreError, OSError) as error:
        faults.append(f"database: {error}")
    return faults


def remarks(settings: Settings) -> list[str]:
    """Return what is right and yet worth knowing of the monitor files, a line each."""
    told = []
    for monitor in monitor_file.load_all(settings.monitors_dir, settings.data_dir):
        plan = monitor.measure_plan.drift
        named = dict.fromkeys(registry.full_name(name) for name in _named(plan))
        slow = [method.name for method in registry.ALL if method.in_worker and method.full_name in named]
        if slow and monitor.drift.is_calibrated:
            told.append(
                f"{monitor.name}: {', '.join(slow)}: too slow to be calibrated; keeps Evidently's threshold, "
                "and beside other methods it is a second opinion that raises no alarm"
            )
    return told


def _named(plan: DriftPlan) -> Iterator[str]:
    yield from plan.methods
    for names in plan.by_column.values():
        yield from names


async def _data_faults(monitor: Monitor, pool: asyncpg.Pool, compute: Compute) -> list[str]:
    watched, load_rows = watch(monitor, pool, compute), reference_rows_loader(monitor, compute)
    faults: list[str] = []
    if isinstance(monitor.source, ReplayConfig):  # a dummy's take would append a row
        try:
            batch = (await watched.source.take(None)).batch
            late = monitor.target if monitor.labels is not None else None
            faults += _absent(monitor, batch, "source", late) if batch.rows else []
        except TidegaugeError as error:
            faults.append(f"{monitor.name}: source: {error}")
    try:
        faults += _absent(monitor, await load_rows(), "reference")
    except TidegaugeError as error:
        faults.append(f"{monitor.name}: reference: {error}")
    await watched.source.close()
    return faults


def _absent(monitor: Monitor, batch: Batch, where: str, late: str | None = None) -> list[str]:
    missing = [name for name in monitor.schema_.names if name not in batch.columns and name != late]
    faults = [f"{monitor.name}: {where}: it has no column {name!r}" for name in missing]
    if late is not None and batch.arrival.identity is None:
        faults.append(f"{monitor.name}: {where}: it has no column {monitor.id!r}, the id that labels go by")
    return faults
