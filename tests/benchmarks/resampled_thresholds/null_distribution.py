"""A column's null distribution by a method: its values where nothing has drifted, many windows at once.

The reference's values are coded once; a drawn window is then a row of counts over the reference's own
distinct values, and many windows a matrix. The usual methods are computed on such matrices (equal to the
registry's own to rounding); any other is computed window by window.

A score is a method's value on a scale where larger is worse and a p-value does not run into zero; `value`
leads back to the method's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.measurement import Worse
from service.core.profile import distribution
from service.core.profile.columns import DISTINCT_LIMIT
from service.core.profile.distribution import Distribution
from service.core.rows.batch import Numbers, Texts
from service.core.rows.schema import Kind
from service.methods.drift import registry
from service.methods.drift.method import Definition
from service.methods.stats import binning, p_values, robust
from service.methods.stats.alignment import numbers
from service.methods.stats.distance import SMALLEST_SCALE, finite_scale, stand_in
from service.methods.stats.unmeasurable import Unmeasurable
from tests.benchmarks.resampled_thresholds.divergence_matrix import DIVERGENCES, FILLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Column
    from service.methods.drift.method import Method
    from service.methods.stats.alignment import Counts
    from tests.benchmarks.resampled_thresholds.divergence_matrix import Divergence

    Floats = NDArray[np.float64]
    Scores = Callable[[Counts], Floats]

SMALLEST_P = 1e-300
MISSING, NEGATIVE, POSITIVE = 0, 1, 2  # places after the values: no value, and the two infinities


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A reference column: each row's place (int64, shape (rows,)) among its distinct values and three more.

    `reference` holds the values and what was counted of them.
    """

    column: Column
    places: NDArray[np.int64]
    reference: Distribution

    @property
    def width(self) -> int:
        """How many places there are."""
        return self.reference.distinct + 3

    def counted(self, rows: NDArray[np.intp]) -> Counts:
        """Count windows given by their rows (intp, shape (w, n)): int64, shape (w, width)."""
        windows = len(rows)
        offsets = np.arange(windows, dtype=np.int64)[:, None] * self.width
        tally = np.bincount((self.places[rows] + offsets).ravel(), minlength=windows * self.width)
        return tally.reshape(windows, self.width)


class Form(NamedTuple):
    """A method on counted windows: `scores` (float64, shape (w,), NaN where there is none), the way back."""

    scores: Scores
    value: Callable[[float], float]


def code(batch: Batch, column: Column) -> Coded:
    """Code one column of the reference's rows; a column that is absent is missing in every row."""
    data = batch.columns.get(column.name)
    if data is None:
        nothing = distribution.empty(column.kind)
        return Coded(column, np.zeros(batch.rows, dtype=np.int64), nothing)
    if isinstance(data, Texts):
        data = Numbers(data.lengths)
    if not isinstance(data, Numbers):
        counted = distribution.of_codes(data.codes, data.labels)
        known = np.searchsorted(counted.values, data.labels)[data.codes] if len(data.labels) else data.codes
        return Coded(column, np.where(data.codes < 0, counted.distinct + MISSING, known), counted)
    usable = data.values if data.unparsable is None else np.where(data.unparsable, np.nan, data.values)
    counted = distribution.compress(distribution.of_numbers(usable), DISTINCT_LIMIT)
    bits = counted.dropped_bits
    kept = (np.ascontiguousarray(usable).view(np.int64) >> bits << bits).view(np.float64) if bits else usable
    places = np.searchsorted(counted.values, kept)
    places[np.isnan(usable)] = counted.distinct + MISSING
    places[np.isneginf(usable)] = counted.distinct + NEGATIVE
    places[np.isposinf(usable)] = counted.distinct + POSITIVE
    return Coded(column, places.astype(np.int64), counted)


def form_of(method: Method, coded: Coded, rows: int) -> Form:
    """Return the method on counted windows of about `rows` rows each.

    Raises Unmeasurable where the reference alone has no number in it.
    """
    if not coded.reference.finite:
        raise Unmeasurable("no value in the reference")
    if method.in_worker is not None:
        raise Unmeasurable("it runs in the worker process: thousands of drawn windows would take hours")
    if coded.column.kind.counted is Kind.NUMERICAL and method.full_name == "ks:evidently":
        return _kolmogorov_smirnov(coded, rows)
    at_once = _transport(method, coded) or _divergent(method, coded)
    return Form(at_once, _same) if at_once else _one_by_one(method, coded)


def _transport(method: Method, coded: Coded) -> Scores | None:
    if coded.column.kind.counted is not Kind.NUMERICAL:
        return None
    if method.full_name == "wasserstein:evidently":
        return _wasserstein(coded, max(finite_scale(coded.reference), SMALLEST_SCALE))
    if method.full_name == "wasserstein:robust" and coded.reference.distinct > 1:
        return _winsorised(coded)
    return None


def _divergent(method: Method, coded: Coded) -> Scores | None:
    divergence = DIVERGENCES.get(method.name)
    if divergence is None:
        return None
    if method.definition is Definition.ROBUST:
        return _fixed(coded, divergence)
    few = coded.reference.distinct <= binning.FEW_DISTINCT
    if coded.column.kind.counted is Kind.NUMERICAL and method.name == "hellinger":
        return None
    cells = _by_value if few or coded.column.kind.counted is Kind.CATEGORICAL else _in_sturges_bins
    return _evidently(coded, divergence, cells, filled=method.name in FILLED)


def _one_by_one(method: Method, coded: Coded) -> Form:
    lower = method.worse is Worse.LOWER

    def scores(counts: Counts) -> Floats:
        got = np.full(len(counts), np.nan)
        for index, row in enumerate(counts):
            try:
                value = registry.compute(method, coded.column.kind, coded.reference, _window(coded, row))
            except (ValueError, ArithmeticError):
                continue
            got[index] = -math.log(max(value, SMALLEST_P)) if lower else value
        return got

    return Form(scores, (lambda score: math.exp(-score)) if lower else _same)


def _window(coded: Coded, row: Counts) -> Distribution:
    held, rest = row[:-3], row[-3:]
    seen = np.flatnonzero(held)
    return Distribution(
        coded.reference.values[seen],
        held[seen],
        missing=int(rest[MISSING]),
        positive_infinite=int(rest[POSITIVE]),
        negative_infinite=int(rest[NEGATIVE]),
        dropped_bits=coded.reference.dropped_bits,
    )


def _same(score: float) -> float:
    return score


_LAST_GAPS: dict[str, tuple[Counts, Counts, Floats]] = {}


def _gaps(held: Counts, reference: Counts) -> Floats:
    # The distance of two ECDFs after each value but the last, where it is zero. Two methods ask for those of
    # the same counts one after the other.
    last = _LAST_GAPS.get("")
    if last is not None and held.base is not None and held.base is last[0] and reference is last[1]:
        return last[2]
    rows = held.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = held[:, :-1].cumsum(axis=1) / rows
    below -= reference[:-1].cumsum() / reference.sum()
    found = np.asarray(np.abs(below, out=below), dtype=np.float64)
    if held.base is not None:
        _LAST_GAPS[""] = held.base, reference, found
    return found


def _wasserstein(coded: Coded, scale: float) -> Scores:
    steps = np.diff(numbers(coded.reference)) / scale

    def scores(counts: Counts) -> Floats:
        return np.asarray(_gaps(counts[:, :-3], coded.reference.counts) @ steps)

    return scores


def _winsorised(coded: Coded) -> Scores:
    scale = finite_scale(coded.reference)
    if scale == 0.0:
        raise Unmeasurable("the reference's values differ by less than a number can hold")
    steps = np.diff(numbers(coded.reference)) / scale
    if not coded.reference.negative_infinite and not coded.reference.positive_infinite:
        return lambda counts: np.asarray(_gaps(counts[:, :-3], coded.reference.counts) @ steps)
    ends = coded.reference.counts.copy()
    ends[0] += coded.reference.negative_infinite
    ends[-1] += coded.reference.positive_infinite

    def scores(counts: Counts) -> Floats:
        held = counts[:, :-3].copy()
        without = held.sum(axis=1) == 0
        held[:, 0] += counts[:, -3 + NEGATIVE]
        held[:, -1] += counts[:, -3 + POSITIVE]
        got = np.asarray(_gaps(held, ends) @ steps)
        got[without] = np.nan
        return got

    return scores


def _kolmogorov_smirnov(coded: Coded, rows: int) -> Form:
    reference_rows = coded.reference.finite

    def root(held: NDArray[np.float64]) -> Floats:
        # p falls as this rises, whatever a window's rows with a value.
        return np.sqrt(held * reference_rows / (held + reference_rows))

    def scores(counts: Counts) -> Floats:
        held = counts[:, :-3]
        gaps = _gaps(held, coded.reference.counts).max(axis=1, initial=0.0)
        return np.asarray(gaps * root(held.sum(axis=1).astype(np.float64)))

    share = reference_rows / max(len(coded.places), 1)
    typical = max(round(rows * share), 1)

    def value(score: float) -> float:
        distance = min(score / float(root(np.array([float(typical)]))[0]), 1.0)
        gap = math.floor(distance * typical * reference_rows)
        return p_values.kolmogorov_smirnov(reference_rows, typical, gap)

    return Form(scores, value)


def _fixed(coded: Coded, divergence: Divergence) -> Scores:
    if coded.column.kind.counted is Kind.CATEGORICAL:
        if coded.reference.dropped_bits:
            raise Unmeasurable("the column has too many distinct values to keep each one")
        reference = robust.smoothed(np.append(coded.reference.counts, 0))
        cells = np.arange(coded.width - 3)
        cell_count = len(cells) + 1
    else:
        edges = binning.quantile_edges(coded.reference)
        reference = robust.smoothed(binning.counts_up_to(coded.reference, edges))
        cells = np.searchsorted(edges, numbers(coded.reference))
        cell_count = len(edges) + 1
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    filled = cells[starts]

    def scores(counts: Counts) -> Floats:
        held = np.zeros((len(counts), cell_count))
        held[:, filled] = np.add.reduceat(counts[:, :-3], starts, axis=1)
        without = held.sum(axis=1) == 0.0
        if coded.column.kind.counted is Kind.NUMERICAL:
            held[:, 0] += counts[:, -3 + NEGATIVE]
            held[:, -1] += counts[:, -3 + POSITIVE]
        rows = held.sum(axis=1, keepdims=True)
        shares = (held + robust.ADDED_ROWS) / (rows + robust.ADDED_ROWS * cell_count)
        got = divergence(reference, shares)
        got[without] = np.nan
        return got

    return scores


def _by_value(coded: Coded, held: Counts, rows: int) -> tuple[Counts, Counts]:
    if coded.reference.dropped_bits:
        raise Unmeasurable("the column has too many distinct values to keep each one")
    del rows
    return coded.reference.counts, held


def _in_sturges_bins(coded: Coded, held: Counts, rows: int) -> tuple[Counts, Counts]:
    # A drawn window lies within the reference's range, so that only its rows decide the bins.
    stand_in_window = Distribution(coded.reference.values[:1], np.array([rows]))
    edges = binning.sturges_edges(coded.reference, stand_in_window)
    places = numbers(coded.reference).searchsorted(edges)
    places[-1] = coded.reference.distinct
    below = np.zeros((len(held), coded.reference.distinct + 1), dtype=np.int64)
    np.cumsum(held, axis=1, out=below[:, 1:])
    return binning.counts_between(coded.reference, edges), np.diff(below[:, places], axis=1)


def _evidently(
    coded: Coded,
    divergence: Divergence,
    cells: Callable[[Coded, Counts, int], tuple[Counts, Counts]],
    *,
    filled: bool,
) -> Scores:
    def scores(counts: Counts) -> Floats:
        held = counts[:, :-3]
        rows = held.sum(axis=1)
        got = np.full(len(counts), np.nan)
        for size in np.unique(rows[rows > 0]):
            alike = np.flatnonzero(rows == size)
            reference, current = cells(coded, held[alike], int(size))
            shares = [_shares(side, filled=filled) for side in (reference[None, :], current)]
            got[alike] = divergence(shares[0], shares[1])
        return got

    return scores


def _shares(counts: Counts, *, filled: bool) -> Floats:
    shares: Floats = counts / counts.sum(axis=1, keepdims=True)
    if not filled:
        return shares
    smallest = np.where(counts > 0, shares, np.inf).min(axis=1)
    fill = np.array([stand_in(float(share)) for share in smallest])
    return np.where(counts > 0, shares, fill[:, None])
