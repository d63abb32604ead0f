"""How far off was the model in each cell of a column? Cells are fixed by the reference, counts are exact.

`CellCounts` of one column is a commutative monoid over rows: `empty`, `of`, `merge`. All of it is integers
(sums of doubles as in `exact.py`), so merging the parts of any split gives the whole, bit for bit.

Cells of numbers: the reference's quantiles, its least and largest value, and each value that holds as much
as a cell should gets one of its own. Values beyond the reference's range have a cell on each side, which the
reference never filled: what the model does there it never showed. Cells of labels: one each, the rarer ones
of more than `MOST_LABELS` together; all labels that the reference does not have share one. Both kinds: one
for missing values.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.exact.grouped_sums import limbs_of, sums_by_group
from service.core.profile.distribution import MANTISSA_BITS, labelled
from service.core.rows.batch import Numbers, Texts
from service.core.rows.schema import Kind
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.exact.grouped_sums import Limbs
    from service.core.profile.distribution import Distribution
    from service.core.rows.batch import ColumnRows

    Codes = NDArray[np.intp]

QUANTILE_CELLS = 10
MOST_LABELS = 100
FEW_BOUNDS = 60


@dataclass(frozen=True, slots=True)
class CellEdges:
    """Which cell each value of a column falls in.

    Numbers: cell i holds (bounds[i - 1], bounds[i]], the first and last cell are open; `bounds` rise. Labels:
    `labels[i]` falls in cell `places[i]`, any other in the next to last. The last cell is for missing values.
    """

    kind: Kind
    bounds: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    fingerprint: str = field(init=False)  # sixteen hex digits that change with any edge, label or place

    def __post_init__(self) -> None:
        """Take the fingerprint once: every batch asks for it."""
        bounds = [bound.hex() for bound in self.bounds]
        text = repr((self.kind.value, bounds, self.labels, self.places))
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        object.__setattr__(self, "fingerprint", digest[:16])

    @property
    def cells(self) -> int:
        """How many cells there are."""
        named = len(self.bounds) if self.kind is Kind.NUMERICAL else max(self.places, default=-1) + 1
        return named + 2


@dataclass(frozen=True, slots=True)
class CellCounts:
    """A column's rows by cell, one entry a cell: all rows, labelled ones, and the latter's exact error sums.

    `absolute_error` and `squared_error` are in units of 2**-1074. `edges` is the fingerprint of the cells.
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


def edges_of(reference: Distribution, kind: Kind, *, cells: int = QUANTILE_CELLS) -> CellEdges:
    """Fix the cells of a column of `kind` by its reference: about `cells` of equal size for numbers.

    Equal distributions give equal edges. A reference without a value gives one cell for all, and missing.
    """
    if cells < 1:
        raise ValueError(f"edges_of: {cells} cells; expected 1 or more")
    if kind is Kind.NUMERICAL:
        if not reference.is_numeric:
            raise ProfileError("edges_of: labels in a numerical column; expected its numbers")
        return CellEdges(kind, bounds=_bounds(reference, cells))
    return _label_edges(labelled(reference))


def absolute_error(prediction: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |prediction - target| (float64, shape (n,)), NaN where either is missing or infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(prediction - target)
    return np.where(np.isfinite(error), error, np.nan)


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
    label. A row whose squared error is beyond a double counts as not labelled, as in `outcome.py`. Raises
    ValueError on a negative error, ProfileError where a column is of another kind than its edges.
    """
    prepared = _prepared(error)
    return {name: _counted(columns.get(name), len(error), prepared, at) for name, at in edges.items()}


def codes_of(column: ColumnRows | None, rows: int, edges: CellEdges) -> Codes:
    """Return each row's cell (intp, shape (rows,)); None is a column that never came: all missing.

    Raises ProfileError where the column is of another kind than its edges.
    """
    missing = edges.cells - 1
    if column is None:
        return np.full(rows, missing, dtype=np.intp)
    if isinstance(column, Texts) or isinstance(column, Numbers) is not (edges.kind is Kind.NUMERICAL):
        raise ProfileError(f"a column of {type(column).__name__.lower()} has no {edges.kind} cells")
    if isinstance(column, Numbers):
        codes = _between(column.values, edges.bounds)
        codes[np.isnan(column.values)] = missing
        return codes
    place = dict(zip(edges.labels, edges.places, strict=True))
    cells = [place.get(label, missing - 1) for label in column.labels.tolist()]
    found: Codes = np.array([*cells, missing], dtype=np.intp)[column.codes]  # code -1, missing, is the last
    return found


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


def _bounds(reference: Distribution, cells: int) -> tuple[float, ...]:
    if not reference.distinct:
        return ()
    values = np.asarray(reference.values, dtype=np.float64)
    cumulative = reference.counts.cumsum()
    ranks = np.arange(1, cells) * reference.finite / cells
    heavy = values[reference.counts * cells >= reference.finite]
    # Compression moved a value towards zero by less than this share of it: the range is that much wider.
    slack = 2.0 ** (reference.dropped_bits - MANTISSA_BITS) if reference.dropped_bits else 0.0
    with np.errstate(over="ignore"):  # beyond the largest double lies infinity
        ends = values[[0, -1]] + np.array([-1.0, 1.0]) * np.abs(values[[0, -1]]) * slack
        below = np.nextafter(np.append(heavy, ends[0]), -np.inf)
    bounds = np.concatenate((values[cumulative.searchsorted(ranks)], heavy, below, ends[1:]))
    return tuple(np.unique(bounds + 0.0).tolist())


def _label_edges(reference: Distribution) -> CellEdges:
    names: list[str] = reference.values.tolist()
    counts = reference.counts.tolist()
    order = sorted(range(len(names)), key=lambda i: (-counts[i], names[i]))
    place = {names[i]: min(rank, MOST_LABELS - 1) for rank, i in enumerate(order)}
    return CellEdges(Kind.CATEGORICAL, labels=tuple(names), places=tuple(place[name] for name in names))


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
        raise ValueError(f"a column of {len(codes)} rows beside {rows} errors; expected as many")
    of_all = tuple(np.bincount(codes, minlength=size).tolist())
    known, of_known = codes, of_all
    if errors.labelled is not None:
        known = codes[errors.labelled]
        of_known = tuple(np.bincount(known, minlength=size).tolist())
    absolute, squared = (sums_by_group(limbs, known, size) for limbs in (errors.absolute, errors.squared))
    return CellCounts(edges.fingerprint, of_all, of_known, absolute, squared)


def _between(values: NDArray[np.float64], bounds: tuple[float, ...]) -> Codes:
    # How many bounds lie below each value. A few comparisons of all rows are six times as quick as a search
    # for each row, whose branches no processor can foretell.
    if len(bounds) > FEW_BOUNDS:
        found: Codes = np.searchsorted(np.array(bounds), values, side="left")
        return found
    below = np.zeros(len(values), dtype=np.int8)
    for bound in bounds:
        below += values > bound
    return below.astype(np.intp)
