"""Replays a CSV or Parquet file of labels in the order in which they became known.

A take of rows carries the labels whose time lies before the end of its step; when the rows are exhausted, the
remaining labels follow by the same steps, or as many at a time as there were rows. The position is `row`
(labels given so far), `until` (UTC microseconds; every label known before it has been given) and `file` (a
fingerprint).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Labels, Numbers, Texts
from service.core.rows.late_labels import LateLabels
from service.core.rows.schema import Column, Kind, Role, Schema
from service.errors import SourceError
from service.sources.tables.file import OrderedRows, open_ordered

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.sources.context import LabelFile

MAX_LABELS = 100_000  # per take, so that a file whose labels all came at once is not held in memory
MAX_GAP_STEPS = 400  # steps without a row or a label that are still taken one by one


@dataclass(frozen=True, slots=True)
class Pace:
    """How labels follow the rows; times are UTC microseconds.

    - `step_us`: by steps of time; or
    - `rows`: that many at a time.
    - `offset_us`: where the grid of steps starts.
    - `start`, `end`: what the rows are bounded by. Labels before `start`, or later than `end` and the wait,
      belong to no row of the replay.
    """

    step_us: int | None
    rows: int | None
    offset_us: int = 0
    start: int | None = None
    end: int | None = None


def open_labels(options: LabelFile) -> OrderedRows:
    """Open the file; raises SourceError where it cannot be read or lacks a column."""
    columns = (
        Column(options.identity, Kind.CATEGORICAL),
        Column(options.target, options.kind, Role.TARGET, number=options.number),
    )
    schema = Schema(columns, identity=options.identity)
    needed = (options.identity, options.target)
    if options.path is None:
        raise SourceError("labels: no file of them is named; expected labels.path")
    return open_ordered(options.path, schema, options.timestamp, needed=needed, form=options.form)


@dataclass(frozen=True, slots=True)
class Given:
    """The labels of one take.

    - `labels`: the labels.
    - `position`: the position after them.
    - `done`: how many labels have been given so far.
    - `all`: how many there are.
    """

    labels: LateLabels
    position: dict[str, Any]
    done: int
    all: int


def next_labels(
    opened: OrderedRows,
    options: LabelFile,
    pace: Pace,
    position: dict[str, Any] | None,
    *,
    clock: int | None,
    rows_left: bool,
) -> Given:
    """Return the labels after `position` (None: from the start) that are known by now.

    `clock` is how far the rows have come (UTC microseconds); without `rows_left` the labels follow their own
    pace.
    """
    low, high = _bounds(opened, options, pace)
    first = min(max(int(position["row"]) if position else 0, low), high)
    since = position["until"] if position else None
    if rows_left:
        until, stop = clock, _before(opened, clock, high)
    elif pace.step_us is not None:
        until = _step_end(opened, pace, pace.step_us, [clock, since], (first, high))
        stop = _before(opened, until, high)
    else:
        until, stop = None, first + (pace.rows or 0)
    stop = min(max(stop, first), high, first + MAX_LABELS)
    until = _known_until(opened, [until, since], (first, stop, high))
    mark = {"row": stop, "until": until, "file": opened.fingerprint}
    return Given(_read(opened, options, first, stop, until), mark, stop - low, high - low)


def end_of_step(instant: int, step: int, offset: int) -> int:
    """Return where the step that holds `instant` ends, on a grid of steps from `offset` (microseconds)."""
    return (instant - offset) // step * step + step + offset


def _bounds(opened: OrderedRows, options: LabelFile, pace: Pace) -> tuple[int, int]:
    low = 0 if pace.start is None else _before(opened, pace.start, len(opened.times))
    high = len(opened.times)
    if pace.end is not None:
        high = _before(opened, pace.end + options.wait_us, high)
    return low, max(low, high)


def _before(opened: OrderedRows, instant: int | None, high: int) -> int:
    return 0 if instant is None else int(np.searchsorted(opened.times[:high], instant, side="left"))


def _step_end(
    opened: OrderedRows, pace: Pace, step: int, seen: list[int | None], bounds: tuple[int, int]
) -> int | None:
    # The end of the step after the last one, or of the next label's step where that is very far away.
    first, high = bounds
    known = [instant for instant in seen if instant is not None]
    if first == high:
        return max(known, default=None)
    ahead = int(opened.times[first])
    since = max(known, default=ahead)
    until = end_of_step(since, step, pace.offset_us)
    return end_of_step(ahead, step, pace.offset_us) if ahead >= until + MAX_GAP_STEPS * step else until


def _known_until(opened: OrderedRows, clocks: list[int | None], places: tuple[int, int, int]) -> int | None:
    # Before the next label's time every label has been given; after the last label only the clock is known.
    (until, since), (first, stop, high) = clocks, places
    if stop < high:
        following = int(opened.times[stop])
        until = following if until is None else min(until, following)
    elif stop > first:
        last = int(opened.times[stop - 1]) + 1
        until = last if until is None else max(until, last)
    return max((instant for instant in (until, since) if instant is not None), default=None)


def _read(opened: OrderedRows, options: LabelFile, first: int, stop: int, until: int | None) -> LateLabels:
    if first == stop:
        nothing = Labels(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.str_))
        numbers = Numbers(np.zeros(0)) if options.kind is Kind.NUMERICAL else nothing
        return LateLabels(np.zeros(0, dtype=np.uint64), numbers, np.zeros(0, dtype=np.int64), nothing, until)
    batch = opened.read(first, stop)
    ids = batch.arrival.identity
    return LateLabels(
        np.zeros(batch.rows, dtype=np.uint64) if ids is None else ids,
        _plain(batch, options.target),
        batch.event_time,
        _plain(batch, options.identity),
        until,
    )


def _plain(batch: Batch, name: str) -> Numbers | Labels:
    column = batch.columns[name]
    if isinstance(column, Texts):
        raise SourceError(f"{name!r} was read as text; expected ids and labels")
    return column
