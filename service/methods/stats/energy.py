"""The energy distance: the squared gap of two ECDFs, integrated over the values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats.alignment import ecdf_gap, numbers

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution


def energy_distance(reference: Distribution, current: Distribution) -> float:
    """Return sqrt(2 * integral of (F - G)^2), in the root of the values' unit, as SciPy's `energy_distance`.

    G. J. Székely and M. L. Rizzo, "Energy statistics" (2013).
    """
    both = ecdf_gap(numbers(reference), reference.counts, numbers(current), current.counts)
    apart = both.gap[:-1] / (reference.finite * current.finite)
    return math.sqrt(2.0 * float(apart**2 @ np.diff(both.values)))


def energy_bound(reference: Distribution, current: Distribution, value: float) -> float:
    """Bound the distance of compressed values: it is a metric, so each side adds its own displacement.

    The squared gap of a side and its compressed form is at most the largest gap times the mean displacement.
    """
    del value
    sides = (reference, current)
    return math.sqrt(2.0) * sum(math.sqrt(part.displacement * part.rank_displacement) for part in sides)
