"""What is found of a monitor: pure functions of what was seen of it, one for each thing that can be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.checks.block_findings import block_findings
from service.checks.column_findings import column_faults, column_notes, take_notes
from service.checks.label_findings import repeated_ids, useless_labels
from service.checks.look import Finding
from service.checks.row_findings import same_rows, unusable_rows
from service.core.labels.matching import difference
from service.core.profile.columns import of_column
from service.core.profile.spec import segment_values
from service.core.reference.notes import notes_on
from service.methods.drift import columns, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.checks.look import MonitorLook, RowsLook

    Finder = Callable[[MonitorLook], Iterator[Finding]]

UNMATCHED_SHARE = 0.5  # of late labels that find a row, at most which something is wrong
MIN_LABELS = 10  # before one speaks of most of them
LARGE_WINDOW = 500_000_000  # bytes


def findings(look: MonitorLook) -> list[Finding]:
    """Return everything that is found of a monitor, the errors of reading it first."""
    return [*look.errors, *(found for finder in FINDERS for found in finder(look))]


def slow_methods(look: MonitorLook) -> Iterator[Finding]:
    """Yield that methods of the worker process keep their thresholds where alarms have a rate."""
    monitor = look.monitor
    plan = monitor.measure_plan.drift
    used = [*plan.methods, *(name for names in plan.by_column.values() for name in names)]
    named = {registry.full_name(name) for name in used}
    slow = [method.name for method in registry.ALL if method.in_worker and method.full_name in named]
    if slow and monitor.drift.is_calibrated:
        yield _note(
            look,
            "",
            f"{', '.join(slow)}: keeps Evidently's threshold, and is a second opinion that raises no alarm: "
            "no rate of false alarms is promised of it",
        )


def season_methods(look: MonitorLook) -> Iterator[Finding]:
    """Yield that season-matched methods keep their thresholds where others are calibrated."""
    plan = look.monitor.measure_plan.drift
    used = [*plan.methods, *(name for names in plan.by_column.values() for name in names)]
    named = list(dict.fromkeys(registry.full_name(name) for name in used if name != registry.DEFAULT))
    matched = [each for each in named if each in {m.full_name for m in registry.ALL if m.matched}]
    if matched and look.monitor.drift.is_calibrated:
        yield _note(
            look,
            "",
            f"{', '.join(matched)}: not calibrated; keeps a fixed threshold, and next to calibrated methods "
            "it is a second opinion that raises no alarm",
        )


def left_out_methods(look: MonitorLook) -> Iterator[Finding]:
    """Yield which methods that are named for all columns do not suit some of them."""
    names: dict[str, dict[str, None]] = {}  # of either definition, each column once
    for column in look.monitor.schema_.compared.columns:
        for method in columns.left_out(look.monitor.measure_plan.drift, column):
            names.setdefault(method.name, {})[column.name] = None
    for left_out, of in names.items():
        yield _note(
            look,
            "",
            f"drift.methods: {left_out} counts distinct values: left out of {', '.join(of)}, which hold "
            f"numbers; to measure one all the same, name {left_out} under drift.columns",
        )


def absent_columns(look: MonitorLook) -> Iterator[Finding]:
    """Yield watched columns that are not there, or hold nothing of their kind."""
    monitor = look.monitor
    late = monitor.target if monitor.labels is not None else None
    for part, rows in _parts(look):
        if rows.batch.rows:
            absent = column_faults(rows.batch, monitor.schema_, late=late if part == "source" else None)
            yield from (_fault(look, part, message) for message in absent)


def absent_id(look: MonitorLook) -> Iterator[Finding]:
    """Yield that the rows have no id, where labels go by it."""
    rows = look.source
    if look.monitor.id is None or rows is None or not rows.batch.rows:
        return
    if rows.batch.arrival.identity is None:
        what = "the id that labels go by" if look.monitor.labels is not None else "the id"
        level = _fault if look.monitor.labels is not None else _note
        yield level(look, "source", f"it has no column {look.monitor.id!r}, {what}")


def unread_cells(look: MonitorLook) -> Iterator[Finding]:
    """Yield cells that are left out, or are perhaps not meant."""
    for part, rows in _parts(look):
        yield from (_note(look, part, note) for note in column_notes(rows.batch, look.monitor.schema_))


def strange_times(look: MonitorLook) -> Iterator[Finding]:
    """Yield rows without a usable time, and times that are hardly meant."""
    if look.source is not None and look.source.first_take is not None:
        yield from (_note(look, "source", note) for note in take_notes(look.source.first_take))


def labels_and_codes(look: MonitorLook) -> Iterator[Finding]:
    """Yield how labels were taken, words for missing values, and numbers that lose digits."""
    schema = look.monitor.schema_
    source = () if look.source is None else notes_on(look.source.batch, schema, "source")
    settled = () if look.reference is None else look.reference.notes
    yield from (_note(look, "", note) for note in (*source, *settled))


def segments_beyond_cap(look: MonitorLook) -> Iterator[Finding]:
    """Yield columns of `by` that have more values than are measured."""
    if look.reference is None:
        return
    for column in look.monitor.schema_.columns:
        if column.name in look.monitor.by:
            held = of_column(look.reference.batch, column).distribution
            message = segment_values.beyond_cap(column.name, segment_values.values_of(held))
            if message is not None:
                yield _note(look, "", message)


def strange_labels(look: MonitorLook) -> Iterator[Finding]:
    """Yield the columns of the source that hold other labels and categories than the reference's."""
    yield from (_note(look, "source", message) for message in look.strange)


def unmatched_labels(look: MonitorLook) -> Iterator[Finding]:
    """Yield that late labels belong to none of the rows."""
    labels = look.labels
    if labels is None or not labels.late or labels.matched is None or look.source is None:
        return
    if labels.matched < labels.late * UNMATCHED_SHARE and (labels.late >= MIN_LABELS or not labels.matched):
        first = "the" if look.source.complete else "the first"
        found = f"only {labels.matched:,} of {labels.late:,} labels have"
        found = found if labels.matched else f"none of {labels.late:,} labels has"
        hint = difference(labels.label_id, labels.row_id)
        ids = f": an id among the labels is {labels.label_id}, among the rows {labels.row_id}{hint}"
        ids = ids if labels.label_id and labels.row_id else ""
        yield _note(
            look,
            "labels",
            f"{found} the id of one of {first} {labels.rows:,} rows{ids}",
        )


def missing_labels(look: MonitorLook) -> Iterator[Finding]:
    """Yield that no row has a label, so that no performance is measured."""
    labels = look.labels
    if labels is not None and labels.late is None and labels.rows and not labels.with_label:
        yield _note(look, "source", f"no row has a value of {look.monitor.target!r}: no performance")


def first_window(look: MonitorLook) -> Iterator[Finding]:
    """Yield that windows hold fewer rows than are measured, or that there is not even one."""
    cost = look.window
    if cost is None or look.source is None:
        return
    rows, least = cost.panes * cost.pane_rows, look.monitor.window.min_rows
    if rows < least:
        yield _note(
            look,
            "window",
            f"a usual one has about {rows:,} rows, below min_rows ({least}): no drift, no performance",
        )
    wanted = look.monitor.window.size_rows
    if wanted is not None and look.source.complete and look.source.batch.rows < wanted:
        yield _note(
            look,
            "window",
            f"size_rows is {wanted:,}, and there are {look.source.batch.rows:,} rows: less than a window, "
            "measured as one when the source ends",
        )


def unjudged_performance(look: MonitorLook) -> Iterator[Finding]:
    """Yield why performance is not judged by the reference's own blocks where nothing is written."""
    yield from (_note(look, "", message) for message in look.unjudged)


def large_window(look: MonitorLook) -> Iterator[Finding]:
    """Yield that a window takes much memory."""
    if look.window is not None and look.window.window_bytes >= LARGE_WINDOW:
        yield _note(
            look,
            "window",
            f"{look.window.panes:,} panes take about {look.window.window_bytes / 1e6:,.0f} MB of memory; "
            "a longer hop makes them fewer",
        )


FINDERS: tuple[Finder, ...] = (
    slow_methods,
    season_methods,
    left_out_methods,
    block_findings,
    absent_columns,
    absent_id,
    unread_cells,
    strange_times,
    labels_and_codes,
    segments_beyond_cap,
    strange_labels,
    unmatched_labels,
    useless_labels,
    repeated_ids,
    missing_labels,
    same_rows,
    unusable_rows,
    first_window,
    large_window,
    unjudged_performance,
)


def _parts(look: MonitorLook) -> Iterator[tuple[str, RowsLook]]:
    if look.source is not None:
        yield "source", look.source
    if look.reference is not None:
        yield "reference", look.reference


def _fault(look: MonitorLook, part: str, message: str) -> Finding:
    return Finding("fault", f"{look.monitor.name}: {part}" if part else look.monitor.name, message)


def _note(look: MonitorLook, part: str, message: str) -> Finding:
    return Finding("note", f"{look.monitor.name}: {part}" if part else look.monitor.name, message)
