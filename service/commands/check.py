"""What would keep the service from working? Monitor files, their data and the database, a line a fault.

Beside the faults there are notes: what works, though perhaps not as meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.config import monitor_file
from service.core.profile import profile, segments
from service.core.reference import answers
from service.core.reference.notes import notes_on
from service.core.rows.label_form import forms_of, in_form
from service.errors import ConfigurationError, LabelError, StoreError, TidegaugeError
from service.methods.drift import columns, registry
from service.runtime.compute_threads import workers
from service.store.migrate import migrate, migrations_folder
from service.wiring.database import database
from service.wiring.monitor import reference_rows_loader, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.core.rows.batch import Batch
    from service.methods.drift.columns import DriftPlan
    from service.runtime.compute_threads import Compute


@dataclass(slots=True)
class Findings:
    """What was found, a line each: `faults` keep the service from working, `notes` do not."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def check(settings: Settings) -> Findings:
    """Look at everything that the service needs: monitor files, their data, the database."""
    found = Findings()
    try:
        monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    except ConfigurationError as error:
        found.faults, monitors = str(error).splitlines(), []
    found.notes = [remark for monitor in monitors for remark in _remarks(monitor)]
    try:
        async with database(settings) as pool, workers() as compute:
            await migrate(pool, migrations_folder())
            for monitor in monitors:
                part = await _data_findings(monitor, pool, compute)
                found.faults += part.faults
                found.notes += part.notes
    except (StoreError, OSError) as error:
        found.faults.append(f"database: {error}")
    return found


def _remarks(monitor: Monitor) -> list[str]:
    # What is right and yet worth knowing of a monitor file.
    plan = monitor.measure_plan.drift
    named = dict.fromkeys(registry.full_name(name) for name in _named(plan))
    slow = [method.name for method in registry.ALL if method.in_worker and method.full_name in named]
    notes = _left_out(monitor, plan)
    if slow and monitor.drift.is_calibrated:
        notes.append(
            f"{monitor.name}: {', '.join(slow)}: too slow to be calibrated; keeps Evidently's threshold, "
            "and beside other methods it is a second opinion that raises no alarm"
        )
    return notes


def _left_out(monitor: Monitor, plan: DriftPlan) -> list[str]:
    names: dict[str, dict[str, None]] = {}  # of either definition, each column once
    for column in monitor.schema_.compared.columns:
        for method in columns.left_out(plan, column):
            names.setdefault(method.name, {})[column.name] = None
    return [
        f"{monitor.name}: drift.methods: {method} counts distinct values: left out of {', '.join(of)}, which "
        f"hold numbers; to measure one all the same, name {method} under drift.columns"
        for method, of in names.items()
    ]


def _named(plan: DriftPlan) -> Iterator[str]:
    yield from plan.methods
    for names in plan.by_column.values():
        yield from names


async def _data_findings(monitor: Monitor, pool: asyncpg.Pool, compute: Compute) -> Findings:
    found = Findings()
    watched, load_rows = watch(monitor, pool, compute), reference_rows_loader(monitor, compute)
    if monitor.source.can_be_peeked:
        try:
            batch = (await watched.source.take(None)).batch
            late = monitor.target if monitor.labels is not None else None
            found.faults += _absent(monitor, batch, "source", late) if batch.rows else []
            found.notes += [f"{monitor.name}: {note}" for note in notes_on(batch, monitor.schema_, "source")]
        except TidegaugeError as error:
            found.faults.append(f"{monitor.name}: source: {error}")
    try:
        batch = await load_rows()
        found.faults += _absent(monitor, batch, "reference")
        found.notes += _beyond_caps(monitor, batch)
        found.notes += [f"{monitor.name}: {note}" for note in notes_on(batch, monitor.schema_, "reference")]
        found.notes += _settled_labels(monitor, batch)
    except LabelError as error:
        found.faults.append(f"{monitor.name}: {error}")
    except TidegaugeError as error:
        found.faults.append(f"{monitor.name}: reference: {error}")
    await watched.source.close()
    return found


def _settled_labels(monitor: Monitor, batch: Batch) -> list[str]:
    schema = monitor.schema_
    forms = forms_of(batch, schema)
    notes = answers.settle(in_form(batch, schema, forms), schema, forms).notes
    return [f"{monitor.name}: {note}" for note in notes]


def _beyond_caps(monitor: Monitor, batch: Batch) -> list[str]:
    by = [column for column in monitor.schema_.columns if column.name in monitor.by]
    fixed = {column.name: segments.values_of(profile.of_column(batch, column).distribution) for column in by}
    messages = (segments.beyond_cap(name, values) for name, values in fixed.items())
    return [f"{monitor.name}: {message}" for message in messages if message is not None]


def _absent(monitor: Monitor, batch: Batch, where: str, late: str | None = None) -> list[str]:
    missing = [name for name in monitor.schema_.names if name not in batch.columns and name != late]
    faults = [f"{monitor.name}: {where}: it has no column {name!r}" for name in missing]
    if late is not None and batch.arrival.identity is None:
        faults.append(f"{monitor.name}: {where}: it has no column {monitor.id!r}, the id that labels go by")
    return faults
