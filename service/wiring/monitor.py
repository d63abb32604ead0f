"""Build what a monitor's cycles need from its file: source, reference, thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from service.core.profile.spec.segment_values import beyond_cap
from service.core.reference import reference as references
from service.core.rows.label_text import text_of
from service.core.rows.masking import Masking
from service.core.rows.missing_words import words_of
from service.cycle.monitor_plan import MonitorPlan
from service.errors import ConfigurationError
from service.methods.drift import pca
from service.runtime.clock import now
from service.sources.context import NoTable, SourceContext, SourceTables
from service.sources.masked import MaskedSource
from service.sources.tables.unusable import described
from service.store.tables.dummy import DummyTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from service.config.monitor import Monitor
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.methods.measure_window import MeasurePlan
    from service.runtime.compute_threads import Compute
    from service.sources.protocol import Source

log = structlog.get_logger(__name__)


def no_key() -> bytes:
    """Refuse to go on without a secret: sensitive values never pass for want of one."""
    raise ConfigurationError("a monitor with sensitive columns needs the key by which they are hashed")


def build_monitor(
    monitor: Monitor, pool: asyncpg.Pool, compute: Compute, key: Callable[[], bytes] = no_key
) -> MonitorPlan:
    """Build a monitor's source and the loader of its reference; nothing is read yet.

    `key` is asked for the secret by which sensitive columns are hashed, where there are any.
    """
    masking = masking_of(monitor, key)
    load_rows = reference_rows_loader(monitor, compute, masking)
    schema = masking.schema(monitor.schema_)

    return MonitorPlan(
        name=monitor.name,
        schema=schema,
        window=monitor.window.plan(),
        measures=masked_measures(monitor, masking),
        alarm=monitor.alarm.plan(),
        source=_source(monitor, masking, SourceTables(dummy=DummyTable(pool, monitor.name))),
        load_reference=_reference_loader(monitor, schema, load_rows, compute),
        detectors=monitor.detectors,
        label_wait=None if monitor.labels is None else monitor.labels.wait,
        live=monitor.source.is_live,
        moving=None if monitor.reference.moving is None else monitor.reference.moving.plan(),
    )


def build_peeked_source(monitor: Monitor, masking: Masking) -> Source:
    """Build a monitor's source without a database, for one whose rows are there before the service runs."""
    return _source(monitor, masking, SourceTables(dummy=NoTable()))


def _source(monitor: Monitor, masking: Masking, tables: SourceTables) -> Source:
    schema = masking.schema(monitor.schema_)
    source = monitor.source.build(_source_context(monitor, schema, tables))
    return MaskedSource(source, masking) if masking.columns else source


def masking_of(monitor: Monitor, key: Callable[[], bytes]) -> Masking:
    """Return what masks a monitor's sensitive columns; `key` is asked for the secret where there are any."""
    words = {column.name: words_of(column) for column in monitor.schema_.columns}
    return Masking(monitor.sensitive, key() if monitor.sensitive else b"", words)


def _source_context(monitor: Monitor, schema: Schema, tables: SourceTables) -> SourceContext:
    return SourceContext(
        schema=schema,
        step_offset_us=monitor.window.offset,
        labels=monitor.label_file,
        tables=tables,
        now=now,
    )


def reference_rows_loader(
    monitor: Monitor, compute: Compute, masking: Masking
) -> Callable[[], Awaitable[Batch]]:
    """Return a function that reads the rows of a monitor's reference on a worker thread, masked."""

    def load() -> Batch:
        return masking.batch(monitor.reference.load(monitor.source, masking.schema(monitor.schema_)))

    return lambda: compute.run(load)


def masked_measures(monitor: Monitor, masking: Masking) -> MeasurePlan:
    """Return what to measure; what a sensitive column may hold is compared with its hashes."""
    plan = monitor.measure_plan
    expectations = dict(plan.expectations)
    for name in masking.columns:
        declared = expectations[name]
        if declared.allowed is not None:
            hashed = tuple(masking.category(name, text_of(value) or "") for value in declared.allowed)
            expectations[name] = replace(declared, allowed=hashed)
    return replace(plan, expectations=expectations)


def _reference_loader(
    monitor: Monitor, schema: Schema, load_rows: Callable[[], Awaitable[Batch]], compute: Compute
) -> Callable[[], Awaitable[Reference]]:
    async def load() -> Reference:
        batch = await load_rows()
        reference = await compute.run(
            lambda: references.of(
                batch,
                schema,
                by=monitor.by,
                sample_rows=monitor.sample_rows,
                components=pca.PCA in monitor.drift.multivariate,
                estimate=monitor.estimate,
                blocks=monitor.block_rules,
            )
        )
        log.info("reference ready", monitor=monitor.name, rows=reference.profile.rows)
        for note in reference.notes:
            log.warning("reference", monitor=monitor.name, hint=note)
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
