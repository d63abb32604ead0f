"""The cells of binned distances: deciles of a season-matched reference, or its categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.methods.stats.binning import QUANTILE_CELLS, counts_up_to, halfway, neighbours
from service.methods.stats.matched.sides import ROUNDING, together

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.methods.stats.matched.sides import Doubles


class Cells(NamedTuple):
    """Rows by cell of both sides, the reference's effective ones (float64, shape (k,) each)."""

    reference: Doubles
    current: Doubles


def quantile_cells(reference: Weighted, current: Distribution) -> Cells:
    """Count the cells between the matched reference's deciles, as `binning.quantile_cells` does."""
    edges = quantile_edges(reference)
    return Cells(reference_cells(reference, edges), counts_up_to(current, edges).astype(np.float64))


def quantile_edges(reference: Weighted) -> Doubles:
    """Return the upper edges of the cells; sums that differ by rounding alone are taken as equal."""
    cumulative = reference.counts.cumsum()
    rows = float(cumulative[-1])
    marks = np.arange(1, QUANTILE_CELLS) * (rows / QUANTILE_CELLS) - ROUNDING * rows
    deciles = cumulative.searchsorted(marks)
    heavy = np.flatnonzero(reference.counts * QUANTILE_CELLS >= rows * (1.0 - ROUNDING))
    values = np.asarray(reference.values, dtype=np.float64)
    return halfway(*neighbours(values, np.unique(np.concatenate((deciles, heavy, heavy - 1)))))


def reference_cells(reference: Weighted, edges: Doubles) -> Doubles:
    """Return the effective rows of each cell (edge before, edge], the ends open and with the infinities."""
    places = np.asarray(reference.values, dtype=np.float64).searchsorted(edges, "right")
    below = np.concatenate(([0.0], reference.counts.cumsum()))
    marks = np.concatenate(
        ([-reference.negative_infinite], below[places], [below[-1] + reference.positive_infinite])
    )
    return np.diff(marks)


def known_cells(reference: Weighted, current: Distribution) -> Cells:
    """Count one cell per category of the reference, and one for all rows of any other category."""
    both = together(reference, current)
    known = both.reference > 0.0
    return Cells(
        np.append(both.reference[known], 0.0), np.append(both.current[known], both.current[~known].sum())
    )
