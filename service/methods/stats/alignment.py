"""Two distributions laid side by side: on one grid of values, and as the gap between their ECDFs.

Both are exact: counts stay integers, and the gap is one in units of 1 / (reference rows * current rows).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.profile.distribution import Distribution, labelled, merge
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]


class Pair(NamedTuple):
    """Two rows of counts over the same cells (int64, shape (k,) each)."""

    reference: Counts
    current: Counts


class Gap(NamedTuple):
    """Where two ECDFs differ: `values` (sorted, shape (k,), ties kept) and the integer `gap` after each."""

    values: NDArray[np.float64]
    gap: Counts  # current rows * reference's cumulative count - reference rows * current's


def alike(reference: Distribution, current: Distribution) -> tuple[Distribution, Distribution]:
    """Return both on the coarser one's grid of kept bits, and both as labels where one of them is.

    Comparing truncated values with untruncated ones would see every value as new.
    """
    bits = max(reference.dropped_bits, current.dropped_bits)
    if bits:
        reference, current = _coarsened(reference, bits), _coarsened(current, bits)
    if reference.is_numeric != current.is_numeric:
        return labelled(reference), labelled(current)
    return reference, current


def paired(reference: Distribution, current: Distribution) -> Pair:
    """Return both sides' counts over the sorted union of their values."""
    reference, current = alike(reference, current)
    if np.array_equal(reference.values, current.values):
        return Pair(reference.counts, current.counts)
    values = np.concatenate((reference.values, current.values))
    order = values.argsort(kind="stable")
    ordered = values[order]
    fresh = np.empty(len(ordered), dtype=np.bool_)
    fresh[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    place = np.empty(len(ordered), dtype=np.intp)
    place[order] = fresh.cumsum() - 1
    counts = np.zeros((2, int(place[order[-1]]) + 1), dtype=np.int64)
    counts[0, place[: reference.distinct]] = reference.counts
    counts[1, place[reference.distinct :]] = current.counts
    return Pair(counts[0], counts[1])


def union_distinct(reference: Distribution, current: Distribution, enough: int) -> int:
    """Return how many distinct values both hold together; more than `enough` may be counted short."""
    most = max(reference.distinct, current.distinct)
    return most if most > enough else len(paired(reference, current).reference)


def ecdf_gap(
    reference: NDArray[np.floating], reference_counts: Counts, current: NDArray[np.floating], counts: Counts
) -> Gap:
    """Return the gap between the ECDFs of counted values, each side sorted and not empty, ties allowed.

    Exact while the product of both sides' rows is below 2**63.
    """
    values = np.concatenate((reference, current))
    weights = np.concatenate((reference_counts * counts.sum(), counts * -reference_counts.sum()))
    order = values.argsort(kind="stable")  # two sorted runs: one merge
    return Gap(values[order], weights[order].cumsum())


def area(gap: Gap, pairs: int) -> float:
    """Return the area between two ECDFs, in the values' unit; `pairs` is the product of both sides' rows."""
    return float(np.abs(gap.gap[:-1]) @ np.diff(gap.values)) / pairs


def numbers(distribution: Distribution) -> NDArray[np.float64]:
    """Return the values of a distribution that is known to hold numbers.

    Raises Unmeasurable for labels.
    """
    if not distribution.is_numeric:
        raise Unmeasurable("the column holds labels, and this method needs numbers")
    return np.asarray(distribution.values, dtype=np.float64)


def _coarsened(part: Distribution, bits: int) -> Distribution:
    if part.dropped_bits == bits or not part.is_numeric:
        return part
    return merge([part, Distribution(part.values[:0], part.counts[:0], dropped_bits=bits)])
