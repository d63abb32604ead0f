"""The cells of a column, fixed by the reference, by which a model's errors are counted.

Cells of numbers: the reference's quantiles, its smallest and its largest value, and each value that holds as
much as a cell should gets one of its own. Values beyond the reference's range have a cell on each side, which
the reference never filled: how the model does there it never showed. Cells of labels: one each, the rarer
ones of more than `MAX_LABELS` together; all labels that the reference does not have share one. Both kinds:
one for missing values.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.distribution import MANTISSA_BITS, labelled
from service.core.rows.batch import Numbers, Texts
from service.core.rows.schema import Kind
from service.errors import ProfileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.rows.batch import ColumnRows

    Codes = NDArray[np.intp]

QUANTILE_CELLS = 10
MAX_LABELS = 100
FEW_BOUNDS = 60


@dataclass(frozen=True, slots=True)
class CellEdges:
    """The cells of a column; the last one is for missing values.

    Attributes:
        kind: Whether the cells are of numbers or of labels.
        bounds: Of numbers, rising: cell i holds (bounds[i - 1], bounds[i]], the first and last are open.
        labels: Of labels, those that the reference has; any other falls in the next to last cell.
        places: The cell of each label.
        fingerprint: Sixteen hex digits that change with any edge, label or place.

    """

    kind: Kind
    bounds: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the fingerprint once: every batch needs it."""
        bounds = [bound.hex() for bound in self.bounds]
        text = repr((self.kind.value, bounds, self.labels, self.places))
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        object.__setattr__(self, "fingerprint", digest[:16])

    @property
    def cells(self) -> int:
        """How many cells there are."""
        named = len(self.bounds) if self.kind is Kind.NUMERICAL else max(self.places, default=-1) + 1
        return named + 2


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
    place = {names[i]: min(rank, MAX_LABELS - 1) for rank, i in enumerate(order)}
    return CellEdges(Kind.CATEGORICAL, labels=tuple(names), places=tuple(place[name] for name in names))


def _between(values: NDArray[np.float64], bounds: tuple[float, ...]) -> Codes:
    # How many bounds lie below each value. A few comparisons of all rows take a sixth of the time of a search
    # per row, whose branches no processor can predict.
    if len(bounds) > FEW_BOUNDS:
        found: Codes = np.searchsorted(np.array(bounds), values, side="left")
        return found
    below = np.zeros(len(values), dtype=np.int8)
    for bound in bounds:
        below += values > bound
    return below.astype(np.intp)
