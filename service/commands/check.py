"""The command `check`: look for what would keep the service from working, and print it line by line.

Faults concern monitor files, their data or the database. Notes are about what works, though perhaps not as
meant.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.commands.column_findings import column_faults, column_notes, take_notes
from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN, MISCONFIGURED
from service.config import monitor_file
from service.core.profile.columns import of_column
from service.core.profile.spec import segment_values
from service.core.reference import answers
from service.core.reference.notes import notes_on
from service.core.rows.label_form import forms_of, in_form
from service.errors import ConfigurationError, LabelError, StoreError, TidegaugeError
from service.methods.drift import columns, registry
from service.runtime.compute_threads import workers
from service.store.connections import is_behind_pooler
from service.store.held_locks import held_locks
from service.store.migrate import migrate, migrations_folder
from service.store.rights import check_rights, reader_may_read
from service.wiring.database import database
from service.wiring.hash_key import hash_key
from service.wiring.monitor import build_monitor, masking_of, reference_rows_loader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.core.rows.batch import Batch
    from service.methods.drift.columns import DriftPlan
    from service.runtime.compute_threads import Compute


@dataclass(slots=True)
class Findings:
    """What was found, one line each: `faults` keep the service from working, `notes` do not."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def execute() -> int:
    """Print faults to standard error and notes to standard output; return the exit status."""
    found = asyncio.run(check(load_settings()))
    sys.stderr.writelines(f"{fault}\n" for fault in found.faults)
    sys.stdout.writelines(f"note: {note}\n" for note in found.notes)
    if found.faults:
        return MISCONFIGURED
    sys.stdout.write("all is well: every monitor file, every file that they name, and the database\n")
    return CLEAN


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
            await check_rights(pool)
            found.notes += await _database_remarks(pool)
            for monitor in monitors:
                key = hash_key(settings, create=False) if monitor.sensitive else b""
                part = await _data_findings(monitor, pool, compute, key)
                found.faults += part.faults
                found.notes += part.notes
    except (StoreError, OSError) as error:
        found.faults.append(f"database: {error}")
    return found


async def _database_remarks(pool: asyncpg.Pool) -> list[str]:
    notes = []
    async with pool.acquire() as connection:
        if await is_behind_pooler(connection):
            notes.append(
                "database: a connection pooler lies in between; statements are not prepared ahead "
                "(TIDEGAUGE_DATABASE_STATEMENT_CACHE=0 says so without looking)"
            )
    if not await reader_may_read(pool):
        notes.append(
            "database: the role tidegauge_reader, which dashboards read with, is missing or may not read; "
            "`tidegauge migrate --reader-sql` prints what an administrator has to run"
        )
    return notes + [f"database: {lock.message}" for lock in await held_locks(pool)]


def _remarks(monitor: Monitor) -> list[str]:
    # What is right and yet worth knowing of a monitor file.
    plan = monitor.measure_plan.drift
    named = dict.fromkeys(registry.full_name(name) for name in _named(plan))
    slow = [method.name for method in registry.ALL if method.in_worker and method.full_name in named]
    notes = _left_out(monitor, plan)
    if slow and monitor.drift.is_calibrated:
        notes.append(
            f"{monitor.name}: {', '.join(slow)}: too slow to be calibrated; keeps Evidently's threshold, "
            "and next to other methods it is a second opinion that raises no alarm"
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


async def _data_findings(monitor: Monitor, pool: asyncpg.Pool, compute: Compute, key: bytes) -> Findings:
    found = Findings()
    plan = build_monitor(monitor, pool, compute, lambda: key)
    load_rows = reference_rows_loader(monitor, compute, masking_of(monitor, lambda: key))
    if monitor.source.can_be_peeked:
        try:
            take = await plan.source.take(None)
            late = monitor.target if monitor.labels is not None else None
            found.faults += _absent(monitor, take.batch, "source", late) if take.batch.rows else []
            found.notes += _named_notes(monitor, "source", column_notes(take.batch, monitor.schema_))
            found.notes += _named_notes(monitor, "source", take_notes(take))
            found.notes += _plain_notes(monitor, notes_on(take.batch, monitor.schema_, "source"))
        except TidegaugeError as error:
            found.faults.append(f"{monitor.name}: source: {error}")
    try:
        batch = await load_rows()
        found.faults += _absent(monitor, batch, "reference")
        found.notes += _named_notes(monitor, "reference", column_notes(batch, monitor.schema_))
        found.notes += _beyond_caps(monitor, batch)
        found.notes += _plain_notes(monitor, notes_on(batch, monitor.schema_, "reference"))
        found.notes += _plain_notes(monitor, _settled_labels(monitor, batch))
    except LabelError as error:
        found.faults.append(f"{monitor.name}: {error}")
    except TidegaugeError as error:
        found.faults.append(f"{monitor.name}: reference: {error}")
    await plan.source.close()
    return found


def _settled_labels(monitor: Monitor, batch: Batch) -> tuple[str, ...]:
    schema = monitor.schema_
    forms = forms_of(batch, schema)
    return answers.settle(in_form(batch, schema, forms), schema, forms).notes


def _plain_notes(monitor: Monitor, notes: Iterable[str]) -> list[str]:
    return [f"{monitor.name}: {note}" for note in notes]


def _beyond_caps(monitor: Monitor, batch: Batch) -> list[str]:
    by = [column for column in monitor.schema_.columns if column.name in monitor.by]
    fixed = {column.name: segment_values.values_of(of_column(batch, column).distribution) for column in by}
    messages = (segment_values.beyond_cap(name, values) for name, values in fixed.items())
    return [f"{monitor.name}: {message}" for message in messages if message is not None]


def _named_notes(monitor: Monitor, where: str, notes: Iterable[str]) -> list[str]:
    return [f"{monitor.name}: {where}: {note}" for note in notes]


def _absent(monitor: Monitor, batch: Batch, where: str, late: str | None = None) -> list[str]:
    found = column_faults(batch, monitor.schema_, late=late)
    faults = [f"{monitor.name}: {where}: {fault}" for fault in found]
    if late is not None and batch.arrival.identity is None:
        faults.append(f"{monitor.name}: {where}: it has no column {monitor.id!r}, the id that labels go by")
    return faults
