"""Which columns came, went or changed from one pane to the next? An event for each change, once.

A pane's form follows from its profile alone, and a change is told when a pane is closed and compared with
the last closed pane before it that has rows. Both are stored, and the events are written with them: a
restart tells nothing twice and forgets nothing. A column is there if one row of the pane has it. A
numerical column is text if more of its cells are no numbers than are. The first pane is compared with what
the monitor watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from service.core.event import Event
from service.core.profile import row_counts
from service.core.profile.row_counts import Unwatched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.profile import Profile
    from service.core.windows.panes import Pane

SCHEMA_CHANGE = "schema_change"


class ColumnState(StrEnum):
    """How a watched column comes."""

    PRESENT = "present"
    TEXT = "text"  # numerical, and most cells are no numbers
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class PaneColumns:
    """The columns of a pane: each watched one's state, and the names beside them.

    `unwatched` is None where the source does not say; of its names those beyond `horizon` are not known.
    """

    watched: Mapping[str, ColumnState]
    unwatched: frozenset[str] | None = None
    horizon: str | None = None


@dataclass(frozen=True, slots=True)
class ReportedColumns:
    """The pane up to which changes were told, and its form."""

    key: int
    form: PaneColumns


def form_of(profile: Profile, late: str | None = None) -> PaneColumns:
    """Return the form of a pane's rows; `late` is a column that comes after them and is not looked at."""
    counts = profile.get(row_counts.PART)
    beside = Unwatched() if counts is None else counts.unwatched
    return PaneColumns(
        {name: _state(column) for name, column in profile.columns.items() if name != late},
        frozenset(name for name, _ in beside.names) if beside.rows else None,
        beside.names[-1][0] if beside.more else None,
    )


def tell(
    told: ReportedColumns | None, panes: Mapping[int, Pane], closed: int | None, *, late: str | None = None
) -> tuple[ReportedColumns | None, tuple[Event, ...]]:
    """Return what is told after a cycle, and an event for each change up to the pane `closed`.

    `panes` holds every pane with rows from `told` on, late rows merged in; a pane that is older says nothing.
    `late` is the column whose values come after the rows: that it is not there yet is no change.
    """
    if closed is None:
        return told, ()
    events: list[Event] = []
    for key in sorted(panes):
        if key > closed or (told is not None and key < told.key) or not panes[key].profile.rows:
            continue
        form = form_of(panes[key].profile, late)
        before = told.form if told else PaneColumns(dict.fromkeys(form.watched, ColumnState.PRESENT))
        events += _changes(before, form, panes[key])
        told = ReportedColumns(key, form)
    return told, tuple(events)


def newest(panes: Mapping[int, Pane], closed: int, *, late: str | None = None) -> ReportedColumns | None:
    """Return where telling stands, from panes that were told; None where none of them is closed."""
    keys = [key for key, pane in panes.items() if key <= closed and pane.profile.rows]
    return ReportedColumns(max(keys), form_of(panes[max(keys)].profile, late)) if keys else None


def _state(column: ColumnProfile) -> ColumnState:
    if column.rows and column.absent == column.rows:
        return ColumnState.ABSENT
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
        if any(form.horizon is not None and name > form.horizon for form in (before, after)):
            continue
        past, now = (
            ColumnState.PRESENT if name in form.unwatched else ColumnState.ABSENT
            for form in (before, after)
            if form.unwatched is not None
        )
        message = "appeared; the monitor does not watch it" if now is ColumnState.PRESENT else "disappeared"
        yield _event(pane, name, message, {"before": past.value, "after": now.value, "watched": False})


def _message(past: ColumnState, now: ColumnState, column: ColumnProfile) -> str:
    if now is ColumnState.ABSENT:
        return f"disappeared: none of {column.rows} rows has it"
    if now is ColumnState.TEXT:
        verb = "came back as text" if past is ColumnState.ABSENT else "turned from numbers to text"
        return f"{verb}: {column.unparsable} of {column.rows} rows hold no number"
    return "came back" if past is ColumnState.ABSENT else "turned from text to numbers"


def _event(pane: Pane, name: str, message: str, details: dict[str, str | bool]) -> Event:
    return Event(SCHEMA_CHANGE, pane.start, f"{name} {message}", column=name, details=dict(details))
