"""The change of the mean error, split into the inputs' part and the relationship's.

With cells j fixed by the reference, p the share of *labelled* rows in a cell, e the mean error there and m
the reference's mean error over all cells, the change of the mean error is, exactly,

    data    = sum over seen cells    (p_cur - p_ref) (e_ref - m)   the inputs moved to harder cells
    concept = sum over seen cells    p_cur (e_cur - e_ref)         the same inputs are predicted worse
    unseen  = sum over other cells   p_cur (e_cur - m)             the reference has no labelled row there

A cell without labelled rows in the window has p_cur = 0: it counts only in `data`, by the rows that left it.
Without unseen rows m cancels and this is Kitagawa's decomposition ("Components of a difference between two
rates", 1955); with them m keeps rows that moved to unseen cells from counting as data drift.

Bias: inputs that move *within* a cell count as concept, by the error's slope in the cell times the move; more
cells make that smaller. Rows beyond the reference's range are unseen, never concept. Inputs that the cells do
not distinguish (another column) count as concept too: a column's own split shows what that column explains.
Variance: given the seen cells the concept part is unbiased, thin cells or not, and its error is that of a
mean over the window's rows plus that of the reference's, hardly more for more cells: a thin cell's noisy mean
has little weight, unless the window has many rows where the reference is thin, which the band shows. Bands
are 95 %, normal, and take rows as independent: errors that share a day's weather make them too narrow.
"""

from __future__ import annotations

import math
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.exact.sums import to_float
from service.core.measurement import TWO_SIDED_95, Aspect, Measurement, Series
from service.core.profile.error_cells import check_alike
from service.methods.stats.unmeasurable import NO_LABELS, Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from service.core.profile.error_cells import CellCounts

    Floats = NDArray[np.float64]

NO_REFERENCE_LABELS = "no labels in the reference"
NO_REFERENCE_CELLS = "the reference has no cells of this column"
NO_CELLS = "the window has no cells of this column"
PREDICTION_CELLS = "prediction cells"
COLUMN_CELLS = "column cells"


class ErrorPart(NamedTuple):
    """A part of the change, in the target's unit, and its standard error (None: fewer than two rows)."""

    value: float
    deviation: float | None


class Split(NamedTuple):
    """The change of the mean error: `data.value + concept.value + unseen.value` is `total.value`."""

    data: ErrorPart
    concept: ErrorPart
    unseen: ErrorPart
    total: ErrorPart


METRICS: Mapping[str, Callable[[Split], ErrorPart]] = MappingProxyType(
    {
        "error_change": lambda parts: parts.total,
        "error_change_data": lambda parts: parts.data,
        "error_change_concept": lambda parts: parts.concept,
        "error_change_unseen": lambda parts: parts.unseen,
    }
)


class _Side(NamedTuple):
    # By cell, shape (k,): labelled rows, their share, mean error, its variance (divisor n); then over all.
    labelled: Floats
    share: Floats
    mean: Floats
    variance: Floats
    rows: int
    overall: float
    spread: float


def split(reference: CellCounts, current: CellCounts) -> Split:
    """Split the change of the mean error from `reference` to `current`.

    The parts add up to the whole to 1e-9 of the errors' size. Raises Unmeasurable with the reason where a
    side has no labelled row, ProfileError where the sides were counted in different cells.
    """
    check_alike(reference, current)
    if not any(reference.labelled):
        raise Unmeasurable(NO_REFERENCE_LABELS)
    if not any(current.labelled):
        raise Unmeasurable(NO_LABELS)
    old, new = _side(reference), _side(current)
    seen = old.labelled > 0
    moved = np.where(seen, new.share - old.share, 0.0)
    worse = np.where(seen & (new.labelled > 0), new.mean - old.mean, 0.0)
    unseen_gap = np.where(~seen & (new.labelled > 0), new.mean - old.overall, 0.0)
    values = (
        math.fsum(moved * (old.mean - old.overall)),
        math.fsum(new.share * worse),
        math.fsum(new.share * unseen_gap),
        new.overall - old.overall,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        deviations = _deviations(old, new, seen, worse, unseen_gap)
    return Split(*(ErrorPart(value, error) for value, error in zip(values, deviations, strict=True)))


def measure_concept(
    reference: Mapping[str, CellCounts],
    current: Mapping[str, CellCounts],
    prediction: str | None = None,
    *,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure the change of the mean error and its three parts, for each column that has cells.

    The cells of the column `prediction` give the split of the whole window (column ''). One column that
    cannot be measured does not stop another. With `withheld` each series has that reason.
    """
    measured: list[Measurement] = []
    names = sorted({*reference, *current}, key=lambda name: (name != prediction, name))
    for name in names:
        sides = reference.get(name), current.get(name)
        measured += _of_column("" if name == prediction else name, *sides, withheld)
    return tuple(measured)


def _of_column(
    column: str, reference: CellCounts | None, current: CellCounts | None, withheld: str | None
) -> list[Measurement]:
    found: Split | None = None
    reason = withheld
    if reason is None and reference is None:
        reason = NO_REFERENCE_CELLS
    if reason is None and current is None:
        reason = NO_CELLS
    if reason is None and reference is not None and current is not None:
        try:
            found = split(reference, current)
        except Unmeasurable as error:
            reason = str(error)
    rows = 0 if current is None else sum(current.labelled)
    definition = COLUMN_CELLS if column else PREDICTION_CELLS
    series = [Series(Aspect.DRIFT, metric, column, definition=definition) for metric in METRICS]
    if found is None:
        return [Measurement(each, None, rows, reason) for each in series]
    return [_measurement(each, METRICS[each.metric](found), rows) for each in series]


def _measurement(series: Series, part: ErrorPart, rows: int) -> Measurement:
    if part.deviation is None:
        return Measurement(series, part.value, rows)
    half = TWO_SIDED_95 * part.deviation
    return Measurement(series, part.value, rows, low=part.value - half, high=part.value + half)


@lru_cache(maxsize=1024)  # the reference's side is the same for every window
def _side(counts: CellCounts) -> _Side:
    rows = sum(counts.labelled)
    cells = zip(counts.labelled, counts.absolute_error, counts.squared_error, strict=True)
    moments = np.array([_moments(*cell) for cell in cells])
    labelled = np.array(counts.labelled, dtype=np.float64)
    overall, spread = _moments(rows, sum(counts.absolute_error), sum(counts.squared_error))
    return _Side(labelled, labelled / rows, moments[:, 0], moments[:, 1], rows, overall, spread)


def _moments(rows: int, total: int, squares: int) -> tuple[float, float]:
    # Mean and variance (divisor n), the latter good for a standard error: to 1e-15 of the mean square.
    if not rows:
        return 0.0, 0.0
    mean = to_float(total, rows)
    return mean, max(to_float(squares, rows) - mean * mean, 0.0)


def _deviations(
    old: _Side, new: _Side, seen: NDArray[np.bool_], worse: Floats, unseen_gap: Floats
) -> tuple[float | None, ...]:
    """Return the standard errors of data, concept, unseen and total, to first order.

    Each part is a mean, over the window's rows, of a number that follows from the row's cell and error, less
    the error of the reference's cell means. So both which rows came and how far off they were count.
    """
    if min(old.rows, new.rows) <= 1:
        return (None,) * 4
    # A reference cell of one row says nothing about its variance: the whole reference's is used.
    scatter = np.where(old.labelled > 1, old.variance / np.maximum(old.labelled - 1.0, 1.0), old.spread)
    harder = np.where(seen, old.mean - old.overall, 0.0)
    moved = np.where(seen, new.share - old.share, 0.0)
    away = float(new.share[~seen].sum())
    variances = (
        _of_mean(new, harder) + _of_mean(old, harder) + float(moved**2 @ scatter),
        _of_mean(new, worse, seen) + float(np.where(seen, new.share, 0.0) ** 2 @ scatter),
        _of_mean(new, unseen_gap, ~seen) + away**2 * old.spread / (old.rows - 1),
        new.spread / (new.rows - 1) + old.spread / (old.rows - 1),
    )
    return tuple(math.sqrt(v) if math.isfinite(v) else None for v in variances)


def _of_mean(side: _Side, level: Floats, scattered: NDArray[np.bool_] | None = None) -> float:
    # Variance of the mean, over a side's rows, of the cell's level and in cells `scattered` the error's own.
    between = float(side.share @ (level - float(side.share @ level)) ** 2)
    within = 0.0 if scattered is None else float(side.share[scattered] @ side.variance[scattered])
    return (between + within) / (side.rows - 1)
