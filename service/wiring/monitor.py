"""Build what a monitor's cycles need from its file: source, reference, thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from service.core.profile.spec.segment_values import beyond_cap
from service.core.reference import reference as references
from service.cycle.calibrated_thresholds import Thresholds
from service.cycle.monitor_plan import MonitorPlan
from service.methods.drift import pca
from service.runtime.clock import now
from service.runtime.progress_bar import shown
from service.sources.context import SourceContext, SourceTables
from service.sources.tables.unusable import described
from service.store.tables.calibration import CalibrationTable
from service.store.tables.dummy import DummyTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from service.config.monitor import Monitor
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch
    from service.runtime.compute_threads import Compute

log = structlog.get_logger(__name__)


def build_monitor(monitor: Monitor, pool: asyncpg.Pool, compute: Compute) -> MonitorPlan:
    """Build a monitor's source and the loader of its reference; nothing is read yet."""
    load_rows = reference_rows_loader(monitor, compute)
    return MonitorPlan(
        name=monitor.name,
        schema=monitor.schema_,
        window=monitor.window.plan(),
        measures=monitor.measure_plan,
        alarm=monitor.alarm.plan(),
        source=monitor.source.build(_source_context(monitor, pool)),
        load_reference=_reference_loader(monitor, load_rows, compute),
        thresholds=_thresholds(monitor, load_rows, pool, compute),
        detectors=monitor.detectors,
        label_wait=None if monitor.labels is None else monitor.labels.wait,
        live=monitor.source.is_live,
        moving=None if monitor.reference.moving is None else monitor.reference.moving.plan(),
    )


def _source_context(monitor: Monitor, pool: asyncpg.Pool) -> SourceContext:
    return SourceContext(
        schema=monitor.schema_,
        step_offset_us=monitor.window.offset,
        labels=monitor.label_file,
        tables=SourceTables(dummy=DummyTable(pool, monitor.name)),
        now=now,
    )


def reference_rows_loader(monitor: Monitor, compute: Compute) -> Callable[[], Awaitable[Batch]]:
    """Return a function that reads the rows of a monitor's reference on a worker thread."""
    return lambda: compute.run(lambda: monitor.reference.load(monitor.source, monitor.schema_))


def _reference_loader(
    monitor: Monitor, load_rows: Callable[[], Awaitable[Batch]], compute: Compute
) -> Callable[[], Awaitable[Reference]]:
    async def load() -> Reference:
        batch = await load_rows()
        reference = await compute.run(
            lambda: references.of(
                batch,
                monitor.schema_,
                by=monitor.by,
                sample_rows=monitor.sample_rows,
                components=pca.PCA in monitor.drift.multivariate,
                estimate=monitor.estimate,
            )
        )
        log.info("reference ready", monitor=monitor.name, rows=reference.profile.rows)
        kinds = {column.name: column.kind for column in monitor.schema_.columns}
        for misfit in batch.arrival.misfits:
            hint = described(misfit, kinds[misfit.column])
            log.warning("reference has cells of another kind", monitor=monitor.name, hint=hint)
        for column, values in reference.spec.segments.items():
            message = beyond_cap(column, values)
            if message is not None:
                log.warning("more values than segments", monitor=monitor.name, hint=message)
        return reference

    return load


def _thresholds(
    monitor: Monitor, load_rows: Callable[[], Awaitable[Batch]], pool: asyncpg.Pool, compute: Compute
) -> Thresholds | None:
    if not monitor.drift.is_calibrated:
        return None
    return Thresholds(
        monitor.schema_.compared,
        monitor.measure_plan.drift,
        rate=monitor.drift.false_alarm_rate,
        blocks=monitor.drift.blocks,
        min_rows=monitor.window.min_rows,
        load_rows=load_rows,
        kept=CalibrationTable(pool, monitor.name),
        compute=compute,
        shown=shown,
    )
