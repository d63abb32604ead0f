"""Profile a batch into panes, merge panes, and fold them into windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core.profile import profile
from service.core.profile.codec import profile as codec
from service.core.profile.outcome import outcome
from service.core.profile.spec import spec
from service.core.reference import bins
from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of
from service.core.windows import window
from service.core.windows.records import PaneRecord, WindowRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.reference.bins import Bins
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.windows.window import WindowPlan

    Measure = Callable[[Profile], tuple[Measurement, ...]]


@dataclass(frozen=True, slots=True)
class Pane:
    """A pane.

    - `profile`: of its rows
    - `start`, `end`: its bounds in event time (UTC microseconds, half-open)
    - `sums`: of its rows' ids
    """

    profile: Profile
    start: int
    end: int
    sums: IdSums = NO_ROWS


def profile_panes(
    batch: Batch, schema: Schema, plan: WindowPlan, rows_before: int, spec: ProfileSpec = spec.NONE
) -> dict[int, Pane]:
    """Profile a batch pane by pane; `rows_before` rows were placed before it."""
    numbered = batch.numbered(rows_before)
    parts = window.split(numbered, window.assign(numbered, plan, rows_before))
    panes = {}
    for key, part in parts.items():
        start, end = plan.bounds(key)
        if plan.unit is window.Unit.ROWS:
            start, end = int(part.event_time.min()), int(part.event_time.max()) + 1
        sums = sums_of(part.arrival.identity, part.rows)
        panes[key] = Pane(profile.of(part, schema, spec), start, end, sums)
    return panes


def merge_into(held: Mapping[int, Pane], fresh: Mapping[int, Pane]) -> dict[int, Pane]:
    """Return the fresh panes, each merged with the held pane of the same key."""
    return {key: _joined([held[key], pane] if key in held else [pane]) for key, pane in fresh.items()}


def corrected(panes: Mapping[int, Pane], corrections: Mapping[int, Profile]) -> dict[int, Pane]:
    """Return the panes that late labels touch, each with its correction; every one of them must be there."""
    return {
        key: replace(panes[key], profile=profile.merge([panes[key].profile, found]))
        for key, found in corrections.items()
    }


def measure_windows(
    due: Iterable[int],
    panes: Mapping[int, Pane],
    nothing: Profile,
    plan: WindowPlan,
    measure: Measure,
    *,
    column_bins: Sequence[Bins] = (),
) -> tuple[WindowRecord, ...]:
    """Fold each due window's panes in key order and measure it.

    `panes` holds all that exist of them, `nothing` is the profile of no rows, `column_bins` are the bins that
    the reference gave its columns.
    """
    records = []
    for last in due:
        first = plan.first_of(last)
        held = [panes[key] for key in range(first, last + 1) if key in panes]
        whole = profile.merge([pane.profile for pane in held]) if held else nothing
        start, end = plan.bounds(first)[0], plan.bounds(last)[1]
        if plan.unit is window.Unit.ROWS:
            start, end = min(pane.start for pane in held), max(pane.end for pane in held)
        found = whole.get(outcome.PART)
        known, waiting = (0, 0) if found is None else (found.labelled, found.pending)
        counted = (len(held), whole.rows, measure(whole), bins.counted(column_bins, whole), known, waiting)
        records.append(WindowRecord(first, last, start, end, *counted))
    return tuple(records)


def panes_of(windows: Iterable[int], plan: WindowPlan) -> set[int]:
    """Return the panes of some windows, by key; those that windows share are visited once."""
    found: set[int] = set()
    reached: int | None = None
    for last in sorted(windows):
        first = plan.first_of(last)
        found.update(range(first if reached is None else max(first, reached + 1), last + 1))
        reached = last
    return found


def pane_records(panes: Mapping[int, Pane]) -> tuple[PaneRecord, ...]:
    """Return panes in the form in which they are stored."""
    return tuple(
        PaneRecord(
            key,
            pane.start,
            pane.end,
            pane.profile.rows,
            codec.encode(pane.profile),
            pane.sums.ids,
            pane.sums.mixed,
        )
        for key, pane in panes.items()
    )


def restored(records: Iterable[PaneRecord]) -> dict[int, Pane]:
    """Return stored panes by key.

    Raises CodecError where a pane's bytes cannot be read.
    """
    return {record.key: _restored(record) for record in records}


def _restored(record: PaneRecord) -> Pane:
    sums = IdSums(record.rows, record.ids, record.mixed)
    return Pane(codec.decode(record.payload), record.start, record.end, sums)


def _joined(panes: list[Pane]) -> Pane:
    if len(panes) == 1:
        return panes[0]
    return Pane(
        profile.merge([pane.profile for pane in panes]),
        min(pane.start for pane in panes),
        max(pane.end for pane in panes),
        sum((pane.sums for pane in panes), start=NO_ROWS),
    )
