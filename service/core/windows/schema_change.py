"""Report columns that come, go or change from one pane to the next, each change once.

The state of a pane's columns follows from its profile alone. Changes are reported when a pane is closed and
compared with the last closed pane before it that has rows. Both panes are stored, and the events are written
in the same transaction: a restart repeats no event and loses none. A column is present if one row of the pane
has it. A numerical column counts as text if more of its cells cannot be read as numbers than can. A column is
empty if it is present and null in every row, where the reference's share of missing values does not make that
likely. The first pane is compared with the columns of the monitor file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from service.core.event import Event
from service.core.profile import row_counts
from service.core.profile.chance import explains_all
from service.core.profile.row_counts import Unwatched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.profile import Profile
    from service.core.windows.panes import Pane

SCHEMA_CHANGE = "schema_change"


class ColumnState(StrEnum):
    """The state of a watched column in a pane."""

    PRESENT = "present"
    TEXT = "text"  # numerical, but most cells are not numbers
    EMPTY = "empty"  # present, and null in every row, which chance does not explain
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class PaneColumns:
    """The state of each watched column of a pane, and the names of the others.

    `unwatched` is None where the source does not name them; names after `horizon` are not known.
    """

    watched: Mapping[str, ColumnState]
    unwatched: frozenset[str] | None = None
    horizon: str | None = None


@dataclass(frozen=True, slots=True)
class ReportedColumns:
    """The pane up to which changes were reported, and its columns."""

    key: int
    columns: PaneColumns


def columns_of(
    profile: Profile, late: str | None = None, usually_missing: Mapping[str, float] | None = None
) -> PaneColumns:
    """Return the columns of a pane's rows without `late`, the column whose values come after them.

    `usually_missing` is the share of each column's rows that may be without a value; 1 where it is not given.
    """
    usual = usually_missing or {}
    counts = profile.get(row_counts.PART)
    unwatched = Unwatched() if counts is None else counts.unwatched
    return PaneColumns(
        {
            name: _state(column, usual.get(name, 1.0))
            for name, column in profile.columns.items()
            if name != late
        },
        frozenset(name for name, _ in unwatched.names) if unwatched.rows else None,
        unwatched.names[-1][0] if unwatched.more else None,
    )


def report_changes(
    reported: ReportedColumns | None,
    panes: Mapping[int, Pane],
    closed: int | None,
    *,
    late: str | None = None,
    usually_missing: Mapping[str, float] | None = None,
) -> tuple[ReportedColumns | None, tuple[Event, ...]]:
    """Return the last reported columns after a cycle, and an event for each change up to the pane `closed`.

    `panes` holds every pane with rows from `reported` on, late rows merged in; older panes are passed over.
    `late` is the column whose values come after the rows: its absence is no change.
    """
    if closed is None:
        return reported, ()
    events: list[Event] = []
    for key in sorted(panes):
        if key > closed or (reported is not None and key < reported.key) or not panes[key].profile.rows:
            continue
        columns = columns_of(panes[key].profile, late, usually_missing)
        declared = PaneColumns(dict.fromkeys(columns.watched, ColumnState.PRESENT))
        events += _changes(reported.columns if reported else declared, columns, panes[key])
        reported = ReportedColumns(key, columns)
    return reported, tuple(events)


def newest(
    panes: Mapping[int, Pane],
    closed: int,
    *,
    late: str | None = None,
    usually_missing: Mapping[str, float] | None = None,
) -> ReportedColumns | None:
    """Return the columns of the last closed pane with rows; None where there is none."""
    keys = [key for key, pane in panes.items() if key <= closed and pane.profile.rows]
    if not keys:
        return None
    return ReportedColumns(max(keys), columns_of(panes[max(keys)].profile, late, usually_missing))


def _state(column: ColumnProfile, usually_missing: float) -> ColumnState:
    if column.rows and column.absent == column.rows:
        return ColumnState.ABSENT
    if column.rows and column.missing == column.rows and not explains_all(usually_missing, column.rows):
        return ColumnState.EMPTY
    known = column.distribution.finite + column.distribution.infinite
    return ColumnState.TEXT if column.unparsable > known else ColumnState.PRESENT


def _changes(before: PaneColumns, after: PaneColumns, pane: Pane) -> Iterator[Event]:
    for name, now in after.watched.items():
        past = before.watched[name]
        if past is not now:
            message = _message(past, now, pane.profile.columns[name])
            yield _event(pane, name, message, {"before": past.value, "after": now.value, "watched": True})
    if before.unwatched is None or after.unwatched is None:
        return
    for name in sorted(before.unwatched ^ after.unwatched):
        if any(columns.horizon is not None and name > columns.horizon for columns in (before, after)):
            continue
        past, now = (
            ColumnState.PRESENT if name in columns.unwatched else ColumnState.ABSENT
            for columns in (before, after)
            if columns.unwatched is not None
        )
        message = "appeared; the monitor does not watch it" if now is ColumnState.PRESENT else "disappeared"
        yield _event(pane, name, message, {"before": past.value, "after": now.value, "watched": False})


def _message(past: ColumnState, now: ColumnState, column: ColumnProfile) -> str:
    if now is ColumnState.ABSENT:
        return f"disappeared: none of {column.rows} rows has it"
    if now is ColumnState.EMPTY:
        return f"is empty: it is there, and null in all of {column.rows} rows"
    if now is ColumnState.TEXT:
        came_back = past in {ColumnState.ABSENT, ColumnState.EMPTY}
        verb = "came back as text" if came_back else "turned from numbers to text"
        return f"{verb}: {column.unparsable} of {column.rows} rows hold no number"
    if past is ColumnState.TEXT:
        return "turned from text to numbers"
    return "came back" if past is ColumnState.ABSENT else "has values again"


def _event(pane: Pane, name: str, message: str, details: dict[str, str | bool]) -> Event:
    return Event(SCHEMA_CHANGE, pane.start, f"{name} {message}", column=name, details=dict(details))
