"""Labels that are sent: each goes to the rows that wait for it, or waits for its row itself.

A label that is ahead of its row waits as long as a row waits for its label. Then it is handed over all the
same, so that it is counted and rejected as one that belongs to no row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.inbox import BatchKind
from service.core.labels.join import signed
from service.core.rows.batch import Labels, LabelType, Numbers, Texts
from service.core.rows.inbox_change import LabelAhead
from service.core.rows.label_text import coded
from service.core.rows.late_labels import LateLabels
from service.core.rows.schema import Kind
from service.errors import SourceError
from service.sources.http import stored_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.inbox import InboxBatch
    from service.core.rows.batch import Batch
    from service.core.rows.take import Take
    from service.sources.context import LabelFile, SourceContext


async def with_labels(take: Take, sent: Sequence[LabelAhead], context: SourceContext, *, now: int) -> Take:
    """Return a take with the labels that were `sent`, and those that waited for its rows."""
    options = context.labels
    if options is None or take.inbox is None:
        return take
    inbox = context.tables.inbox
    identity = take.batch.arrival.identity
    fresh = [] if identity is None else signed(identity)
    kept = [] if not fresh else await inbox.labels_for(sorted(set(fresh)))
    old = await inbox.labels_before(now - options.wait_us)
    kept = list({label.id: label for label in (*kept, *old)}.values())
    expected = await inbox.rows_expecting([each.identity for each in sent]) | set(fresh)
    ready = [label for label in sent if label.identity in expected or not label.identity]
    ahead = tuple(label for label in sent if label.identity and label.identity not in expected)
    labels = _late_labels([*kept, *ready], options, until=take.watermark)
    change = replace(take.inbox, ahead=ahead, met=tuple(label.id for label in kept))
    return replace(take, labels=labels, inbox=change)


def sent_labels(batches: Sequence[InboxBatch], options: LabelFile | None) -> list[LabelAhead]:
    """Return the labels among some batches; none where the monitor expects none."""
    found = list[LabelAhead]()
    if options is None:
        return found
    for batch in batches:
        if batch.kind is BatchKind.LABELS:
            found += _of_batch(stored_batch.rows_of(batch), batch.received, options)
    return found


def _of_batch(rows: Batch, received: int, options: LabelFile) -> list[LabelAhead]:
    ids = rows.arrival.identity
    identity = [0] * rows.rows if ids is None else signed(ids)
    names, labels = label_cells(rows, options.identity), label_cells(rows, options.target)
    return [
        LabelAhead(each, at, received, {"id": name, "label": label[0], "typed": label[1]})
        for each, at, name, label in zip(
            identity, rows.event_time.tolist(), (name for name, _ in names), labels, strict=True
        )
    ]


def label_cells(rows: Batch, name: str) -> list[tuple[float | str | None, str]]:
    """Return each cell of a column and how it was typed; "no number" where it was none."""
    column = rows.columns[name]
    if isinstance(column, Texts):
        raise SourceError(f"{name!r} was read as text; expected ids and labels")
    if isinstance(column, Labels):
        texts = [*column.labels.tolist(), None]  # code -1, missing, is the last
        return [(texts[code], column.typed.value) for code in column.codes.tolist()]
    marks = np.zeros(rows.rows, dtype=np.bool_) if column.unparsable is None else column.unparsable
    return [
        (None if np.isnan(value) else value, "no number" if mark else "number")
        for value, mark in zip(column.values.tolist(), marks.tolist(), strict=True)
    ]


def _late_labels(labels: Sequence[LabelAhead], options: LabelFile, *, until: int | None) -> LateLabels:
    ordered = sorted(labels, key=lambda label: label.labelled_at)
    values = [label.content["label"] for label in ordered]
    typed = [label.content["typed"] for label in ordered]
    names = [label.content["id"] for label in ordered]
    identity = np.array([label.identity for label in ordered], dtype=np.int64).view(np.uint64)
    known = np.array([label.labelled_at for label in ordered], dtype=np.int64)
    return LateLabels(
        identity,
        _column(values, typed, options.kind),
        known,
        coded(np.arange(len(names)), names),
        until,
    )


def _column(values: Sequence[float | str | None], typed: Sequence[str], kind: Kind) -> Numbers | Labels:
    if kind is Kind.NUMERICAL:
        numbers = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
        marks = np.array([each == "no number" for each in typed], dtype=np.bool_)
        return Numbers(numbers, marks if marks.any() else None)
    kinds = {LabelType(each) for value, each in zip(values, typed, strict=True) if value is not None}
    common = next(iter(kinds)) if len(kinds) == 1 else LabelType.TEXT
    texts = [None if value is None else str(value) for value in values]
    return coded(np.arange(len(texts)), texts, common)
