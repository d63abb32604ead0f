"""A regression's errors by cell of a column: rows, labelled rows and their exact error sums.

The cells are fixed by the reference (`spec/cell_edges.py`). All of it is integers (sums of doubles as in
`exact/sums.py`), so merging the parts of any split gives the whole, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.exact.grouped_sums import limbs_of, sums_by_group
from service.core.profile.outcome.row_errors import absolute_errors
from service.core.profile.part import Part
from service.core.profile.spec.cell_edges import codes_of
from service.core.profile.stored_arrays import sums_form, sums_of
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.exact.grouped_sums import Limbs
    from service.core.profile.spec.cell_edges import CellEdges
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.schema import Schema


@dataclass(frozen=True, slots=True)
class CellCounts:
    """A column's rows by cell, one entry per cell; error sums are exact, in units of 2**-1074.

    Attributes:
        edges: The fingerprint of the cells.
        rows: All rows.
        labelled: Rows with a label.
        absolute_error: The sum of the labelled rows' absolute errors.
        squared_error: The sum of their squares.

    """

    edges: str
    rows: tuple[int, ...]
    labelled: tuple[int, ...]
    absolute_error: tuple[int, ...]
    squared_error: tuple[int, ...]


class _Errors(NamedTuple):
    # Which rows are labelled (None: all), and the labelled rows' errors, cut once for every column.
    labelled: NDArray[np.bool_] | None
    absolute: Limbs
    squared: Limbs


def empty(edges: CellEdges) -> CellCounts:
    """Return the counts of no rows: the identity of `merge`."""
    nothing = (0,) * edges.cells
    return CellCounts(edges.fingerprint, nothing, nothing, nothing, nothing)


def of(column: ColumnRows | None, error: NDArray[np.float64], edges: CellEdges) -> CellCounts:
    """Count one column's rows and errors; see `of_columns`, with None for a column that never came."""
    return _counted(column, len(error), _prepared(error), edges)


def of_columns(
    columns: Mapping[str, ColumnRows], error: NDArray[np.float64], edges: Mapping[str, CellEdges]
) -> dict[str, CellCounts]:
    """Count rows and errors by cell, for each column that has edges; one that is not there is all missing.

    `error` (float64, shape (n,)) is each row's absolute error, 0 or 1 for a classifier, NaN where there is no
    label. A row whose squared error is beyond a double counts as not labelled, as in the outcome. Raises
    ValueError on a negative error, ProfileError where a column is of another kind than its edges.
    """
    prepared = _prepared(error)
    return {name: _counted(columns.get(name), len(error), prepared, at) for name, at in edges.items()}


def merge(parts: Sequence[CellCounts]) -> CellCounts:
    """Return the counts of all rows of `parts`, which stay as they are.

    Raises ProfileError where there is no part or where parts were made with other edges.
    """
    if not parts:
        raise ProfileError("merge: no part given; expected at least one part, it may be empty")
    first = parts[0]
    for part in parts[1:]:
        check_alike(first, part)
    return CellCounts(
        first.edges,
        _added([part.rows for part in parts]),
        _added([part.labelled for part in parts]),
        _added([part.absolute_error for part in parts]),
        _added([part.squared_error for part in parts]),
    )


def check_alike(one: CellCounts, other: CellCounts) -> None:
    """Raise ProfileError where two sides were counted in other cells."""
    if one.edges != other.edges:
        raise ProfileError(
            f"cells {one.edges} and {other.edges} do not belong together; "
            "expected counts made with the edges of the same reference"
        )


def _added(columns: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*columns, strict=True)))


def _prepared(error: NDArray[np.float64]) -> _Errors:
    with np.errstate(over="ignore", invalid="ignore"):
        squared = error * error
    usable = np.isfinite(squared)
    if usable.all():
        return _Errors(None, limbs_of(error), limbs_of(squared))
    return _Errors(usable, limbs_of(error[usable]), limbs_of(squared[usable]))


def _counted(column: ColumnRows | None, rows: int, errors: _Errors, edges: CellEdges) -> CellCounts:
    codes, size = codes_of(column, rows, edges), edges.cells
    if len(codes) != rows:
        raise ValueError(f"a column of {len(codes)} rows with {rows} errors; expected as many")
    of_all = tuple(np.bincount(codes, minlength=size).tolist())
    known, of_known = codes, of_all
    if errors.labelled is not None:
        known = codes[errors.labelled]
        of_known = tuple(np.bincount(known, minlength=size).tolist())
    absolute, squared = (sums_by_group(limbs, known, size) for limbs in (errors.absolute, errors.squared))
    return CellCounts(edges.fingerprint, of_all, of_known, absolute, squared)


def _empty(_: Schema, spec: ProfileSpec) -> dict[str, CellCounts]:
    return {name: empty(edges) for name, edges in spec.edges.items()}


def _of(batch: Batch, schema: Schema, spec: ProfileSpec, _: int) -> dict[str, CellCounts]:
    if not spec.edges:
        return {}
    return of_columns(batch.columns, absolute_errors(batch, schema), spec.edges)


def _late(labelled: Batch, _: Batch, schema: Schema, spec: ProfileSpec, limit: int) -> dict[str, CellCounts]:
    # The rows are in their cells already; their errors are not.
    added = _of(labelled, schema, spec, limit)
    return {name: replace(counts, rows=(0,) * len(counts.rows)) for name, counts in added.items()}


def _merge(sides: Sequence[dict[str, CellCounts]], _: int) -> dict[str, CellCounts]:
    if any(side.keys() != sides[0].keys() for side in sides):
        raise ProfileError(
            "error cells of different columns cannot be merged; "
            "expected profiles made with the same reference"
        )
    return {name: merge([side[name] for side in sides]) for name in sides[0]}


def _encode(cells: dict[str, CellCounts], _: ArrayWriter) -> Json:
    return {
        name: [
            counts.edges,
            counts.rows,
            counts.labelled,
            sums_form(counts.absolute_error),
            sums_form(counts.squared_error),
        ]
        for name, counts in cells.items()
    }


def _decode(form: Json, _: ArrayReader) -> dict[str, CellCounts]:
    return {
        name: CellCounts(edges, tuple(rows), tuple(labelled), sums_of(absolute), sums_of(squared))
        for name, (edges, rows, labelled, absolute, squared) in form.items()
    }


PART: Part[dict[str, CellCounts]] = Part("error_cells", _empty, _of, _merge, _encode, _decode, late=_late)
