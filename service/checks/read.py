"""Read what a monitor names, as its cycles would, without a database and without a trace."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.checks.block_findings import look_at_blocks
from service.checks.label_findings import strange_categories
from service.checks.look import Finding, LabelsLook, MonitorLook, RowsLook, WindowLook
from service.checks.performance_limits import limits_in_use, unjudged
from service.config.made_reference import made_reference
from service.core.profile import profile
from service.core.profile.codec import profile as codec
from service.core.rows.batch import Labels, Numbers
from service.core.rows.concatenation import concatenated
from service.core.rows.label_form import take_in_form
from service.core.rows.label_text import described
from service.core.windows import window
from service.errors import LabelError, TidegaugeError
from service.wiring.monitor import build_peeked_source, load_reference_rows, masking_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.config.monitor import Monitor
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.label_form import LabelForm
    from service.core.rows.late_labels import LateLabels
    from service.core.rows.masking import Masking
    from service.core.rows.schema import Schema
    from service.core.rows.take import Take

MAX_ROWS = 200_000  # of a source that are read
MAX_SECONDS = 30.0
PANE_ROWS = 100_000  # of a pane that are profiled


async def look_at(monitor: Monitor, key: bytes = b"") -> MonitorLook:
    """Return what is seen of a monitor; each part is read whether or not another one can be.

    `key` is the secret by which its sensitive columns are hashed.
    """
    masking = masking_of(monitor, lambda: key)
    schema = masking.schema(monitor.schema_)
    made: Reference | None = None
    look = MonitorLook(monitor)
    takes: list[Take] = []
    if monitor.source.can_be_peeked:
        try:
            takes, complete = await _takes(monitor, masking)
        except TidegaugeError as error:
            look = _with_error(look, "source", error)
        else:
            look = replace(look, source=_source(monitor, takes, complete=complete))
    if monitor.reference.sent(monitor.source) is not None:
        return look  # its rows come once the service runs
    try:
        batch, forms = load_reference_rows(monitor, masking)
        seen = RowsLook(batch, span=_span(batch, known=bool(batch.event_time.any())))
        look = replace(look, reference=seen)
        made = _reference(monitor, schema, batch, forms)
        chosen = () if made.choice is None else (made.choice.note,)
        seen = replace(seen, notes=(*made.notes, *chosen))
        look = replace(
            look,
            reference=seen,
            unjudged=tuple(unjudged(monitor, made)),
            blocks=look_at_blocks(monitor, made),
        )
    except LabelError as error:
        look = _with_error(look, "", error)
    except TidegaugeError as error:
        look = _with_error(look, "reference", error)
    if look.source is None or not look.source.batch.rows:
        return look if made is None else replace(look, limits=tuple(limits_in_use(monitor, made, None)))
    if made is not None:
        takes = [take_in_form(take, schema, made.spec.forms) for take in takes]
    batch = concatenated([take.batch for take in takes], schema)
    window = None if made is None else _window(monitor, made, batch)
    limits = () if made is None else tuple(limits_in_use(monitor, made, window))
    strange = () if made is None else tuple(strange_categories(made, batch))
    labels = _labels(monitor, batch, takes)
    return replace(look, labels=labels, window=window, limits=limits, strange=strange)


def _with_error(look: MonitorLook, part: str, error: TidegaugeError) -> MonitorLook:
    where = f"{look.monitor.name}: {part}" if part else look.monitor.name
    found = Finding("fault", where, str(error))
    return replace(look, errors=(*look.errors, found))


async def _takes(monitor: Monitor, masking: Masking) -> tuple[list[Take], bool]:
    source = build_peeked_source(monitor, masking)
    clock = asyncio.get_running_loop().time
    until, rows = clock() + MAX_SECONDS, 0
    takes: list[Take] = []
    position, is_at_end = None, False
    try:
        while not takes or not (takes[-1].exhausted or is_at_end or rows >= MAX_ROWS or clock() > until):
            take = await source.take(position)
            takes.append(take)
            is_at_end = take.position == position  # of a live source: it has nothing more now
            position, rows = take.position, rows + take.batch.rows
    finally:
        await source.close()
    return takes, takes[-1].exhausted


def _source(monitor: Monitor, takes: Sequence[Take], *, complete: bool) -> RowsLook:
    batch = concatenated([take.batch for take in takes], monitor.schema_)
    rejected = sum(take.rejected for take in takes)
    span = _span(batch, known=monitor.source.has_times)
    return RowsLook(batch, complete, rejected, takes[0], span=span)


def _span(batch: Batch, *, known: bool) -> tuple[int, int] | None:
    if not known or not batch.rows:
        return None
    return int(batch.event_time.min()), int(batch.event_time.max())


def _reference(monitor: Monitor, schema: Schema, batch: Batch, forms: Mapping[str, LabelForm]) -> Reference:
    return made_reference(monitor, schema, batch, forms, season=monitor.season_, estimate=False)


def _labels(monitor: Monitor, batch: Batch, takes: Sequence[Take]) -> LabelsLook | None:
    if monitor.target is None:
        return None
    inline = _has_value(batch, monitor.target)
    late = [take.labels for take in takes if take.labels is not None]
    if monitor.labels is None:
        return LabelsLook(batch.rows, int(inline.sum()))
    labelled = [each.identity[_holds(each.labels)] for each in late]
    known = np.concatenate(labelled) if labelled else np.zeros(0, dtype=np.uint64)
    ids = batch.arrival.identity
    if ids is None:
        useless = sum(_unparsable(each.labels) for each in late)
        return LabelsLook(batch.rows, int(inline.sum()), len(known), 0, useless=useless)
    has_late = np.isin(ids, known[known != 0])
    is_known = np.isin(known, ids[ids != 0])
    stranger = next(filter(None, (_stranger(each, ids) for each in late)), "")
    return LabelsLook(
        batch.rows,
        int((inline | has_late).sum()),
        len(known),
        int(is_known.sum()),
        stranger,
        (batch.arrival.example_id or "") if stranger else "",
        sum(_unparsable(each.labels) for each in late),
    )


def _unparsable(column: ColumnRows) -> int:
    marks = column.unparsable if isinstance(column, Numbers) else None
    return 0 if marks is None else int(marks.sum())


def _stranger(labels: LateLabels, ids: NDArray[np.uint64]) -> str:
    # An id of a label that no row has, as people write it.
    names, strange = labels.names, np.flatnonzero(~np.isin(labels.identity, ids))
    if not isinstance(names, Labels) or not len(strange) or names.codes[strange[0]] < 0:
        return ""
    return described(str(names.labels[names.codes[strange[0]]]), names.typed)


def _has_value(batch: Batch, name: str) -> NDArray[np.bool_]:
    column = batch.columns.get(name)
    return np.zeros(batch.rows, dtype=np.bool_) if column is None else _holds(column)


def _holds(column: ColumnRows) -> NDArray[np.bool_]:
    if isinstance(column, Numbers):
        return ~np.isnan(column.values)
    if isinstance(column, Labels):
        return np.asarray(column.codes >= 0, dtype=np.bool_)
    return np.array([text is not None for text in column.texts], dtype=np.bool_)


def _window(monitor: Monitor, made: Reference, batch: Batch) -> WindowLook:
    plan = monitor.window.plan()
    panes = sorted(window.split(batch, window.assign(batch, plan, 0)).values(), key=lambda pane: pane.rows)
    usual = panes[len(panes) // 2]
    sample = usual.take(slice(0, PANE_ROWS)) if usual.rows > PANE_ROWS else usual
    encoded = codec.encode(profile.of(sample.numbered(0), made.schema, made.spec))
    return WindowLook(plan.panes, usual.rows, len(encoded))
