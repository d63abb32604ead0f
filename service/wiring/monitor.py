"""Build what a monitor's cycles need from its file: source, reference, thresholds."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.config.made_reference import made_reference
from service.core.profile.spec.segment_values import beyond_cap
from service.core.rows.label_form import forms_of
from service.core.rows.masking import Masking, RowMask
from service.core.rows.missing_words import words_of
from service.core.season.season import Season, SeasonKind
from service.cycle.monitor_plan import MonitorPlan
from service.errors import ConfigurationError, TidegaugeError
from service.runtime.clock import now
from service.sources.context import NoTable, SourceContext, SourceTables
from service.sources.masked import MaskedSource
from service.sources.tables.unusable import described
from service.store.own_database import OwnDatabase
from service.store.tables.dummy import DummyTable
from service.store.tables.inbox.monitor_inbox import MonitorInbox
from service.store.tables.references.alarm_model import AlarmModelTable
from service.store.tables.references.season_choice import SeasonChoiceTable
from service.wiring import fitted_alarms
from service.wiring.inbox.sent_reference import sent_reference_loader
from service.wiring.inbox.uncommitted import LentInbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import asyncpg

    from service.config.monitor import Monitor
    from service.core.blocks.kept import KeptBlocks
    from service.core.reference.reference import Reference
    from service.core.reference.seasonal.choice import Choice
    from service.core.rows.batch import Batch
    from service.core.rows.label_form import LabelForm
    from service.core.rows.schema import Schema
    from service.core.season.season import AutoSeason
    from service.runtime.compute_threads import Compute
    from service.sources.protocol import Receiver, Source
    from service.store.leases.fence import Fences

log = structlog.get_logger(__name__)

NO_TABLES = SourceTables(dummy=NoTable(), inbox=NoTable())


def no_key() -> bytes:
    """Refuse to go on without a secret: sensitive values never pass for want of one."""
    raise ConfigurationError("a monitor with sensitive columns needs the key by which they are hashed")


def build_monitor(
    monitor: Monitor,
    pool: asyncpg.Pool,
    compute: Compute,
    key: Callable[[], bytes] = no_key,
    *,
    clock: Callable[[], int] = now,
    fences: Fences | None = None,
) -> MonitorPlan:
    """Build a monitor's source and the loader of its reference; nothing is read yet.

    `key` is asked for the secret by which sensitive columns are hashed, where there are any. What is written
    on the way needs the monitor's lease of `fences`.
    """
    masking = masking_of(monitor, key)
    schema, sent = masking.schema(monitor.schema_), monitor.reference.sent(monitor.source)
    known: dict[str, Mapping[str, LabelForm]] = {}
    inbox = LentInbox(MonitorInbox(pool, monitor.name))
    tables = SourceTables(DummyTable(pool, monitor.name, fences), inbox, OwnDatabase(pool))

    async def forms() -> Mapping[str, LabelForm]:
        return known["forms"] if known else (await load()).forms

    source = _source(monitor, masking, tables, forms, clock)
    load_sent = None
    if sent is not None:
        load_sent = sent_reference_loader(
            monitor, schema, sent, source, inbox, pool=pool, compute=compute, now=clock, fences=fences
        )

    async def load_rows() -> ReferenceRows:
        if load_sent is None:
            return await compute.run_long(load_reference_rows, monitor, masking)
        return await compute.run_long(masked_reference, await load_sent(), schema, masking)

    async def load() -> ReferenceRows:
        found = await load_rows()
        known.setdefault("forms", found.forms)  # the source's labels have those of the reference that is used
        return found

    return MonitorPlan(
        name=monitor.name,
        schema=schema,
        window=monitor.window.plan(),
        measures=monitor.measure_plan,
        alarm=monitor.alarm.plan(),
        source=source,
        load_reference=_reference_loader(
            monitor, schema, load, compute, _kept_tables(pool, monitor.name, fences)
        ),
        detectors=monitor.detectors,
        label_wait=None if monitor.labels is None else monitor.labels.wait,
        live=monitor.source.is_live,
        deduplicate=monitor.deduplicate_plan,
        moving=None if monitor.reference.moving is None else monitor.reference.moving.plan(),
    )


def build_peeked_source(monitor: Monitor, masking: Masking) -> Source:
    """Build a monitor's source without a database, for one whose rows are there before the service runs."""

    async def forms() -> Mapping[str, LabelForm]:
        try:
            return (await asyncio.to_thread(load_reference_rows, monitor, masking)).forms
        except TidegaugeError:  # is reported where the reference itself is read
            return {}

    return _source(monitor, masking, NO_TABLES, forms)


def build_receiver(monitor: Monitor, key: Callable[[], bytes] = no_key) -> Receiver | None:
    """Build what reads the rows that are sent to a monitor; None where its source takes none."""
    masking = masking_of(monitor, key)
    context = _source_context(monitor, masking, NO_TABLES)
    return monitor.source.receiver(context, RowMask(masking, _reference_forms(monitor, masking)))


def _reference_forms(monitor: Monitor, masking: Masking) -> Callable[[], Mapping[str, LabelForm]]:
    # Read on the thread of the first request, and only for a monitor with sensitive columns.
    return cache(lambda: load_reference_rows(monitor, masking).forms if masking.columns else {})


def _source(
    monitor: Monitor,
    masking: Masking,
    tables: SourceTables,
    forms: Callable[[], Awaitable[Mapping[str, LabelForm]]],
    clock: Callable[[], int] = now,
) -> Source:
    source = monitor.source.build(_source_context(monitor, masking, tables, clock))
    if not masking.columns or monitor.source.gives_masked_rows:
        return source
    return MaskedSource(source, masking, forms)


def masking_of(monitor: Monitor, key: Callable[[], bytes]) -> Masking:
    """Return what masks a monitor's sensitive columns; `key` is asked for the secret where there are any."""
    words = {column.name: words_of(column) for column in monitor.schema_.columns}
    return Masking(monitor.sensitive, key() if monitor.sensitive else b"", words)


def _source_context(
    monitor: Monitor, masking: Masking, tables: SourceTables, clock: Callable[[], int] = now
) -> SourceContext:
    return SourceContext(
        monitor=monitor.name,
        schema=masking.schema(monitor.schema_),
        step_offset_us=monitor.window.offset,
        labels=monitor.label_file,
        tables=tables,
        now=clock,
        mask=RowMask(masking, _reference_forms(monitor, masking)),
    )


class ReferenceRows(NamedTuple):
    """A reference's rows, masked, and the forms of their labels."""

    batch: Batch
    forms: Mapping[str, LabelForm]


def load_reference_rows(monitor: Monitor, masking: Masking) -> ReferenceRows:
    """Read the rows of a monitor's reference. Raises TidegaugeError where they cannot be read."""
    schema = masking.schema(monitor.schema_)
    return masked_reference(monitor.reference.load(monitor.source, schema), schema, masking)


def masked_reference(rows: Batch, schema: Schema, masking: Masking) -> ReferenceRows:
    """Return a reference's rows masked, and the forms that they fix for their labels."""
    forms = masking.forms(forms_of(rows, schema))
    return ReferenceRows(masking.batch(rows, forms), forms)


class KeptTables(NamedTuple):
    """What was derived from a monitor's reference before, and stays as it is while the reference does."""

    choices: SeasonChoiceTable
    models: AlarmModelTable


def _kept_tables(pool: asyncpg.Pool, monitor: str, fences: Fences | None) -> KeptTables:
    return KeptTables(SeasonChoiceTable(pool, monitor, fences), AlarmModelTable(pool, monitor, fences))


def _reference_loader(
    monitor: Monitor,
    schema: Schema,
    load_rows: Callable[[], Awaitable[ReferenceRows]],
    compute: Compute,
    kept: KeptTables,
) -> Callable[[], Awaitable[Reference]]:
    async def made(
        rows: ReferenceRows, season: Season | AutoSeason | None, blocks: KeptBlocks | None
    ) -> Reference:
        batch, forms = rows
        return await compute.run_long(
            lambda: made_reference(
                monitor, schema, batch, forms, season=season, estimate=monitor.estimate, kept=blocks
            )
        )

    async def load() -> Reference:
        rows = await load_rows()
        fitted = await fitted_alarms.read(kept.models, compute)
        reference = await made(rows, monitor.season_, fitted.blocks)
        if reference.choice is not None:
            chosen = await kept_season(reference.choice, reference.fingerprint, kept.choices, monitor.name)
            if chosen != reference.choice.season:
                reference = await made(rows, chosen, fitted.blocks)
        await fitted_alarms.keep(reference, fitted, kept.models, compute)
        log.info("reference ready", monitor=monitor.name, rows=reference.profile.rows)
        for note in reference.notes:
            log.warning("reference", monitor=monitor.name, hint=note)
        kinds = {column.name: column.kind for column in monitor.schema_.columns}
        for misfit in rows.batch.arrival.misfits:
            hint = described(misfit, kinds[misfit.column])
            log.warning("reference has cells of another kind", monitor=monitor.name, hint=hint)
        for remark in rows.batch.arrival.remarks:
            log.warning("reference file", monitor=monitor.name, hint=remark)
        for column, values in reference.spec.segments.items():
            message = beyond_cap(column, values)
            if message is not None:
                log.warning("more values than segments", monitor=monitor.name, hint=message)
        return reference

    return load


async def kept_season(choice: Choice, fingerprint: str, choices: SeasonChoiceTable, monitor: str) -> Season:
    """Return the season that was first chosen for a reference; a later choice changes nothing."""
    zone, kind = choice.season.zone, choice.season.kind
    # The fingerprint is of the values: the same ones at other times are another reference to a season.
    reference = f"{fingerprint}:{choice.chosen_on}" if choice.chosen_on else fingerprint
    kept = SeasonKind(await choices.chosen(reference, zone.name, kind.value, choice.note))
    log.info("season chosen", monitor=monitor, season=kept.value, hint=choice.note)
    if kept is not kind:
        log.warning(
            "season kept",
            monitor=monitor,
            hint=f"{kept} was chosen for this reference before and stays; it would be {kind} now: write "
            f"season: {kind} to change it",
        )
    return Season(kept, zone)
