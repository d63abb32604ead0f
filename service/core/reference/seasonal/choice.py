"""Choose the season on the reference: the one whose cells foretell an hour of another day best.

Each column becomes scores (its rank, or whether it is one of its frequent categories). The mean score of an
hour of a day is foretold by the mean of its cell over all *other* days, and what is left is squared and
averaged over the rows: cells that only follow chance foretell worse than none. The kind with the least left
over, on average over the scores and in shares of what `none` leaves, wins; a finer one must be better by a
hundredth. A kind whose cells do not all have eight days and twenty rows is not considered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.season_rows import finite_rows
from service.core.reference import row_times
from service.core.rows.batch import Labels, Numbers
from service.core.season.season import HOURS, Season, SeasonKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.schema import Schema
    from service.core.season.zone import Zone

    Doubles = NDArray[np.float64]
    Codes = NDArray[np.intp]

MIN_DAYS = 8
MIN_ROWS = 20
NEEDED = f"every cell needs {MIN_ROWS} rows on {MIN_DAYS} days"
MIN_GAIN = 0.01  # of what a coarser kind leaves over
MIN_SHARE = 0.02  # of a category that is a score of its own
MAX_CATEGORIES = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """A season that was chosen, and why.

    Attributes:
        season: The season; of kind `none` where no other is better.
        left_over: By kind that was considered: what it leaves over of what `none` does.
        too_thin: By kind that was not considered: why.
        chosen_on: Digits that change with the rows that it was chosen on, or their times.

    """

    season: Season
    left_over: dict[SeasonKind, float]
    too_thin: dict[SeasonKind, str]
    chosen_on: str = ""

    @property
    def note(self) -> str:
        """What was chosen and why, for people."""
        shown = ", ".join(f"{kind} {share:.3f}" for kind, share in self.left_over.items())
        thin = "; ".join(f"{kind} ({why})" for kind, why in self.too_thin.items())
        note = (
            f"season: auto chose {self.season.kind} in {self.season.zone.name}; share of the differences "
            f"between hours that stays unexplained: {shown}"
        )
        return f"{note}; too few rows or days for {thin}; {NEEDED}" if thin else note


def choose(batch: Batch, schema: Schema, zone: Zone) -> Choice:
    """Choose the season of a reference's rows."""
    hours = _Hours.of(batch, zone)
    sums = list(_scores(batch, schema, hours))
    left_over, too_thin = {SeasonKind.NONE: 1.0}, dict[SeasonKind, str]()
    base = [_left_over(total, rows, hours, SeasonKind.NONE) for total, rows in sums]
    for kind in SeasonKind:
        if kind is SeasonKind.NONE:
            continue
        thin = _too_thin(hours, Season(kind, zone))
        if thin is not None:
            too_thin[kind] = thin
            continue
        shares = [
            _left_over(total, rows, hours, kind) / before
            for (total, rows), before in zip(sums, base, strict=True)
            if before > 0.0
        ]
        left_over[kind] = float(np.mean(shares)) if shares else 1.0
    chosen = SeasonKind.NONE
    for kind, share in left_over.items():  # from coarse to fine
        if share < left_over[chosen] * (1.0 - MIN_GAIN):
            chosen = kind
    return Choice(Season(chosen, zone), left_over, too_thin, row_times.digits_of(batch, schema))


def note_on_thin(batch: Batch, season: Season) -> str | None:
    """Return that a season that was asked for has cells of few rows or days; None where it has not."""
    thin = _too_thin(_Hours.of(batch, season.zone), season)
    if thin is None:
        return None
    return (
        f"season: {season.kind}: the reference has too few rows or days for it ({thin}); {NEEDED}, or what "
        "is matched to it rests on chance"
    )


@dataclass(frozen=True, slots=True)
class _Hours:
    # The hours of the reference's days that have rows: which each row is in, and each one's day and cells.
    of_row: Codes
    rows: NDArray[np.int64]
    day: Codes
    cells: dict[SeasonKind, NDArray[np.int16]]

    @classmethod
    def of(cls, batch: Batch, zone: Zone) -> _Hours:
        days = Season(SeasonKind.NONE, zone).days(batch.event_time)
        clock = Season(SeasonKind.HOUR, zone).cells(batch.event_time)
        keys, first, of_row, rows = np.unique(
            days * HOURS + clock, return_index=True, return_inverse=True, return_counts=True
        )
        times = batch.event_time[first]
        cells = {kind: Season(kind, zone).cells(times) for kind in SeasonKind}
        return cls(of_row, rows, np.unique(keys // HOURS, return_inverse=True)[1], cells)


def _scores(batch: Batch, schema: Schema, hours: _Hours) -> Iterator[tuple[Doubles, Doubles]]:
    # Each score's sum and rows by hour.
    size = len(hours.rows)
    for column in schema.compared.columns:
        held = batch.columns.get(column.name)
        known = finite_rows(held, batch.rows)
        if held is None or not known.any():
            continue
        of_row = hours.of_row[known]
        rows = np.bincount(of_row, minlength=size).astype(np.float64)
        for score in _of_column(held, known):
            total = np.bincount(of_row, score - score.mean(), minlength=size)
            yield total.astype(np.float64), rows


def _of_column(held: ColumnRows, known: NDArray[np.bool_]) -> Iterator[Doubles]:
    if isinstance(held, Labels):
        codes = held.codes[known]
        counts = np.bincount(codes, minlength=len(held.labels))
        for code in np.argsort(-counts, kind="stable")[:MAX_CATEGORIES].tolist():
            if counts[code] >= MIN_SHARE * len(codes):
                yield (codes == code).astype(np.float64)
        return
    values = (held.values if isinstance(held, Numbers) else held.lengths)[known]
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = counts.cumsum() - counts / 2.0
    yield middle[places] / len(values)


def _left_over(total: Doubles, rows: Doubles, hours: _Hours, kind: SeasonKind) -> float:
    # The mean squared difference of an hour's mean score from that of its cell over the other days.
    cell = hours.cells[kind].astype(np.intp)
    days = int(hours.day.max()) + 1
    pair = cell * days + hours.day
    sums = [np.bincount(cell, each)[cell] - np.bincount(pair, each)[pair] for each in (total, rows)]
    usable = (rows > 0.0) & (sums[1] > 0.0)
    if not usable.any():
        return 0.0
    apart = total[usable] / rows[usable] - sums[0][usable] / sums[1][usable]
    return float(np.average(apart**2, weights=rows[usable]))


def _too_thin(hours: _Hours, season: Season) -> str | None:
    cell = hours.cells[season.kind].astype(np.intp)
    rows = np.bincount(cell, hours.rows, minlength=season.size)
    distinct = np.unique(cell * (int(hours.day.max()) + 1) + hours.day)
    days = np.bincount(distinct // (int(hours.day.max()) + 1), minlength=season.size)
    held = np.flatnonzero(rows)
    thin = [c for c in held.tolist() if days[c] < MIN_DAYS or rows[c] < MIN_ROWS]
    if not thin:
        return None
    worst = min(thin, key=lambda c: (days[c], rows[c]))
    return f"{season.name(worst)}: {int(rows[worst]):,} rows on {days[worst]} days"
