"""Guess a whole monitor from a table: kinds, parts, windows, and what the reference is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.schema import Kind
from service.core.rows.task import TaskName
from service.guess.facts import facts_of
from service.guess.kinds import KindGuess, guess_kind, is_part_of_a_date
from service.guess.roles import guess_roles
from service.sources.table_format import TimeFormat
from service.sources.tables.pandas_time import event_times

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from service.guess.facts import ColumnFacts
    from service.guess.roles import Roles

HOUR = 3_600_000_000  # microseconds
SIZES = (("1h", HOUR), ("6h", 6 * HOUR), ("1d", 24 * HOUR), ("7d", 7 * 24 * HOUR), ("28d", 28 * 24 * HOUR))
ROWS_PER_WINDOW = 200  # that windows of time hold at least, where the data allow
MIN_ROWS = 30  # the least of a window that is measured, a monitor's default
MAX_ROWS = 1_000  # of a window that is counted in rows
REFERENCE_SHARE = 0.4  # of a file that is its own reference
MIN_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Windows:
    """How rows become windows, and how much of the file is its own reference.

    - `size`: the event time of a window, such as `1d`; None where windows are counted in rows.
    - `rows`: the rows of a window, 0 where it is a time.
    - `cut`: where the reference ends and the windows begin: UTC microseconds by time, else a number of rows;
      None where the reference is another file.
    - `min_rows`: the rows from which a window is measured.
    """

    size: str | None
    rows: int
    cut: int | None
    min_rows: int = MIN_ROWS


@dataclass(frozen=True, slots=True)
class TableGuess:
    """What a table is guessed to be: its columns with their kinds in its order, their parts, the windows."""

    rows: int
    columns: tuple[tuple[ColumnFacts, KindGuess], ...]
    roles: Roles
    windows: Windows

    @property
    def watched(self) -> dict[str, KindGuess]:
        """The columns that have a kind."""
        taken = {self.time_column, self.id_column}
        return {f.name: g for f, g in self.columns if g.kind is not None and f.name not in taken}

    @property
    def time_column(self) -> str | None:
        """The column of times."""
        return None if self.roles.time is None else self.roles.time.column

    @property
    def id_column(self) -> str | None:
        """The column that tells rows apart."""
        return None if self.roles.identity is None else self.roles.identity.column


def guess_table(frame: pd.DataFrame, *, has_reference: bool, roles: Roles | None = None) -> TableGuess:
    """Return the guesses for a table; `roles` where they are already known.

    Without another reference the first part of the table is its own.
    """
    facts = facts_of(frame)
    parts = guess_roles(facts) if roles is None else roles
    columns = tuple((column, kind_of(column, parts)) for column in facts)
    return TableGuess(len(frame), columns, parts, _windows(frame, parts, has_reference=has_reference))


def kind_of(facts: ColumnFacts, roles: Roles) -> KindGuess:
    """Return the kind of a column that plays the part that `roles` give it."""
    guess = guess_kind(facts)
    if roles.time is not None and is_part_of_a_date(facts):
        guess = KindGuess(None, f"a part of the date in {roles.time.column}, which moves as time goes on")
    role = next(
        (
            r
            for r in (roles.target, roles.prediction, roles.score)
            if r is not None and r.column == facts.name
        ),
        None,
    )
    if facts.name in roles.scores.values():
        return KindGuess(Kind.NUMERICAL, "the probability of a label")
    if role is None:
        return guess
    if role is roles.score or roles.task is TaskName.REGRESSION:
        return replace(guess, kind=Kind.NUMERICAL)
    if roles.task is not None:
        return replace(guess, kind=Kind.CATEGORICAL)
    return guess


def _windows(frame: pd.DataFrame, roles: Roles, *, has_reference: bool) -> Windows:
    times = _times(frame, roles)
    if times is not None:
        found = _by_time(times, has_reference=has_reference)
        if found is not None:
            return found
    rows = len(frame) if times is None else len(times)
    cut = None if has_reference else max(round(rows * REFERENCE_SHARE), 1)
    left = rows - (cut or 0)
    size = min(max(left // MIN_WINDOWS, min(MIN_ROWS, left), 1), MAX_ROWS)
    return Windows(None, size, cut, min(MIN_ROWS, size))


def _times(frame: pd.DataFrame, roles: Roles) -> NDArray[np.int64] | None:
    if roles.time is None:
        return None
    found = event_times(frame[roles.time.column], TimeFormat(roles.time.unit, roles.time.pattern))
    times = np.sort(found.micros[found.usable])
    return times if len(times) else None


def _by_time(times: NDArray[np.int64], *, has_reference: bool) -> Windows | None:
    for size, micros in SIZES:
        cut = None
        left = times
        if not has_reference:
            # On the windows' grid, so that the first one is whole.
            cut = int(-(-times[round(len(times) * REFERENCE_SHARE)] // micros) * micros)
            left = times[times >= cut]
        if not len(left) or (cut is not None and cut - int(times[0]) < micros):
            return None
        windows = (int(left[-1]) - int(left[0])) // micros
        if windows < MIN_WINDOWS:
            return None
        if len(left) / windows >= ROWS_PER_WINDOW:
            return Windows(size, 0, cut)
    return None
