"""What a monitor's cycles need, built from its file: source, reference, thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from service.config.reference import DummyReference
from service.config.source import DummyConfig, ReplayConfig
from service.core.profile.segments import beyond_cap
from service.core.reference import reference as references
from service.core.rows.label_form import forms_of, in_form
from service.cycle.calibrated_thresholds import Thresholds
from service.cycle.monitor_plan import MonitorPlan
from service.methods.drift import pca
from service.runtime.clock import now
from service.runtime.progress_bar import shown
from service.sources.dummy import DummySource, reference_batch
from service.sources.replay.labels import LabelOptions
from service.sources.replay.source import ReplayOptions, ReplaySource
from service.sources.tables.file import read_rows
from service.store.tables.calibration import CalibrationTable
from service.store.tables.dummy import DummyTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.reference import FileReference
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch
    from service.runtime.compute_threads import Compute
    from service.sources.protocol import Source

log = structlog.get_logger(__name__)

MICROSECONDS = 1_000_000


def watch(monitor: Monitor, pool: asyncpg.Pool, compute: Compute) -> MonitorPlan:
    """Build a monitor's source and the loader of its reference; nothing is read yet."""
    load_rows = reference_rows_loader(monitor, compute)
    schema = monitor.schema_

    async def load_in_form() -> Batch:
        batch = await load_rows()
        return await compute.run(lambda: in_form(batch, schema, forms_of(batch, schema)))

    return MonitorPlan(
        name=monitor.name,
        schema=schema,
        window=monitor.window.plan(),
        measures=monitor.measure_plan,
        alarm=monitor.alarm.plan(),
        source=_source(monitor, pool),
        load_reference=_reference_loader(monitor, load_rows, compute),
        thresholds=_thresholds(monitor, load_in_form, pool, compute),
        detectors=monitor.detectors,
        label_wait=None if monitor.labels is None else monitor.labels.wait,
        moving=None if monitor.reference.moving is None else monitor.reference.moving.plan(),
    )


def _source(monitor: Monitor, pool: asyncpg.Pool) -> Source:
    config = monitor.source
    if isinstance(config, DummyConfig):
        return DummySource(DummyTable(pool, monitor.name), seed=config.seed, now=now)
    return ReplaySource(_replay_options(config, monitor), monitor.schema_)


def _replay_options(config: ReplayConfig, monitor: Monitor) -> ReplayOptions:
    return ReplayOptions(
        path=Path(config.path),
        timestamp=config.timestamp,
        step_us=config.step,
        rows=config.rows,
        offset_us=monitor.window.offset,
        start=_instant(config.start),
        end=_instant(config.end),
        labels=_label_options(monitor),
    )


def _label_options(monitor: Monitor) -> LabelOptions | None:
    config, identity, target = monitor.labels, monitor.id, monitor.target
    if config is None or identity is None or target is None:
        return None
    return LabelOptions(
        path=Path(config.path),
        timestamp=config.timestamp,
        identity=config.id or identity,
        target=config.target or target,
        kind=monitor.columns[target].kind,
        wait_us=config.wait,
    )


def reference_rows_loader(monitor: Monitor, compute: Compute) -> Callable[[], Awaitable[Batch]]:
    """Return what reads the rows of a monitor's reference on a worker thread."""
    config = monitor.reference

    def load() -> Batch:
        if isinstance(config, DummyReference):
            seed = monitor.source.seed if isinstance(monitor.source, DummyConfig) else 0
            return reference_batch(config.rows, seed)
        return _reference_rows(config, monitor)

    return lambda: compute.run(load)


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
        for note in reference.notes:
            log.warning("reference", monitor=monitor.name, hint=note)
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


def _reference_rows(config: FileReference, monitor: Monitor) -> Batch:
    replay = monitor.source if isinstance(monitor.source, ReplayConfig) else None
    path = config.path or (replay.path if replay else "")
    return read_rows(
        Path(path),
        monitor.schema_,
        timestamp=replay.timestamp if replay else None,
        start=_instant(config.start),
        end=_instant(config.end),
    )


def _instant(when: datetime | None) -> int | None:
    return None if when is None else round(when.timestamp() * MICROSECONDS)
