"""A window's rows by season cell, and by column those with a value: the mix that a reference is matched to.

All of it is integers, so that merging the parts of any split gives the whole, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.part import Part
from service.core.rows.batch import Labels, Numbers
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.schema import Schema

    Cells = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SeasonRows:
    """Rows by season cell.

    Attributes:
        season: The fingerprint of the season.
        rows: All rows, one entry per cell.
        valued: Rows with a finite value, of the columns that do not have one in every row, in name order.

    """

    season: str
    rows: Cells
    valued: Mapping[str, Cells]

    def of_column(self, column: str) -> Cells:
        """Return the rows in which `column` has a finite value, one entry per cell."""
        return self.valued.get(column, self.rows)


def merge(parts: Sequence[SeasonRows]) -> SeasonRows:
    """Return the counts of all rows of `parts` (one or more).

    Raises ProfileError where they were made with other seasons.
    """
    if len(parts) == 1:
        return parts[0]
    seasons = sorted({part.season for part in parts})
    if len(seasons) > 1:
        raise ProfileError(
            f"rows by {' and by '.join(seasons)} do not belong together; expected parts of one season"
        )
    names = {name for part in parts for name in part.valued}
    rows = _added([part.rows for part in parts])
    return _made(seasons[0], rows, {name: _added([part.of_column(name) for part in parts]) for name in names})


def finite_rows(column: ColumnRows | None, rows: int) -> NDArray[np.bool_]:
    """Mark the rows with a finite value (shape (rows,)); a column that never came has none."""
    if column is None:
        return np.zeros(rows, dtype=np.bool_)
    if isinstance(column, Labels):
        return np.asarray(column.codes >= 0, dtype=np.bool_)
    found = np.isfinite(column.values if isinstance(column, Numbers) else column.lengths)
    return (
        found & ~column.unparsable if isinstance(column, Numbers) and column.unparsable is not None else found
    )


def _added(columns: Sequence[Cells]) -> Cells:
    return tuple(map(sum, zip(*columns, strict=True)))


def _made(season: str, rows: Cells, valued: Mapping[str, Cells]) -> SeasonRows:
    # One form for equal counts, so that equal rows have equal bytes.
    return SeasonRows(season, rows, {name: valued[name] for name in sorted(valued) if valued[name] != rows})


def _empty(_: Schema, spec: ProfileSpec) -> SeasonRows | None:
    season = spec.season
    return None if season is None else SeasonRows(season.fingerprint, (0,) * season.size, {})


def _of(batch: Batch, schema: Schema, spec: ProfileSpec, _: int) -> SeasonRows | None:
    season = spec.season
    if season is None:
        return None
    cells = season.cells(batch.event_time)

    def counted(marks: NDArray[np.bool_]) -> Cells:
        return tuple(np.bincount(cells[marks], minlength=season.size).tolist())

    held = {c.name: finite_rows(batch.columns.get(c.name), batch.rows) for c in schema.columns}
    valued = {name: counted(marks) for name, marks in held.items() if not marks.all()}
    return _made(season.fingerprint, tuple(np.bincount(cells, minlength=season.size).tolist()), valued)


def _late(
    labelled: Batch, waiting: Batch, schema: Schema, spec: ProfileSpec, limit: int
) -> SeasonRows | None:
    # The rows are in their cells already; the values of the target are not.
    after, before = (_of(batch, schema, spec, limit) for batch in (labelled, waiting))
    if after is None or before is None or schema.task is None:
        return _empty(schema, spec)
    sides = zip(*(side.of_column(schema.task.target) for side in (after, before)), strict=True)
    added = tuple(now - then for now, then in sides)
    return _made(after.season, (0,) * len(added), {schema.task.target: added})


def _merge(sides: Sequence[SeasonRows | None], _: int) -> SeasonRows | None:
    kept = [side for side in sides if side is not None]
    if kept and len(kept) < len(sides):
        raise ProfileError("rows by season cannot be merged with rows of no season; expected one season")
    return merge(kept) if kept else None


def _encode(counts: SeasonRows | None, _: ArrayWriter) -> Json:
    return None if counts is None else [counts.season, counts.rows, dict(counts.valued)]


def _decode(form: Json, _: ArrayReader) -> SeasonRows | None:
    if form is None:
        return None
    season, rows, valued = form
    return SeasonRows(season, tuple(rows), {name: tuple(counts) for name, counts in valued.items()})


PART: Part[SeasonRows | None] = Part(
    "season_rows", _empty, _of, _merge, _encode, _decode, late=_late
)  # None: the spec has no season
