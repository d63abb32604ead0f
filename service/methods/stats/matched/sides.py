"""A season-matched reference and a window laid side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.profile.distribution import labelled
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.core.rows.batch import Values

    Doubles = NDArray[np.float64]

ROUNDING = 1e-9  # relative: what sums of weights may differ by where whole counts would be equal


class Sides(NamedTuple):
    """Rows by distinct value of both sides, in ascending order; the reference's are effective ones."""

    values: Values
    reference: Doubles
    current: Doubles

    @property
    def gap(self) -> Doubles:
        """The reference's ECDF less the window's at each value, 0 where they differ by rounding alone."""
        apart = np.asarray(
            self.reference.cumsum() / self.reference.sum() - self.current.cumsum() / self.current.sum()
        )
        apart[-1:] = 0.0
        return np.where(np.abs(apart) < ROUNDING, 0.0, apart)


def together(reference: Weighted, current: Distribution) -> Sides:
    """Return one cell per distinct value of both sides."""
    if len(current.values) and current.is_numeric != reference.is_numeric:
        if current.is_numeric:
            current = labelled(current)
        else:
            raise Unmeasurable("the window holds labels and the reference numbers; expected one kind")
    # Both are sorted: the window's few values are looked up among the reference's many.
    places = reference.values.searchsorted(current.values)
    near = np.minimum(places, len(reference.values) - 1)
    fresh = np.asarray(reference.values[near] != current.values, dtype=np.bool_)
    wide = np.result_type(reference.values, current.values)  # of labels, the longer
    values: Values = np.insert(reference.values.astype(wide), places[fresh], current.values[fresh])
    rows = np.zeros(len(values))
    rows[places + fresh.cumsum() - fresh] = current.counts
    return Sides(values, np.insert(reference.counts, places[fresh], 0.0), rows)


def numbers_together(reference: Weighted, current: Distribution) -> Sides:
    """Return one cell per distinct number of both sides. Raises Unmeasurable for labels."""
    if not (reference.is_numeric and current.is_numeric):
        raise Unmeasurable("the column holds labels, and this method needs numbers")
    return together(reference, current)


def with_ends(reference: Weighted, current: Distribution) -> tuple[Doubles, Doubles]:
    """Return both sides' rows by number, infinities in cells of their own at the ends where there are any."""
    both = numbers_together(reference, current)
    if not (reference.infinite or current.infinite):
        return both.reference, both.current
    sides = [
        np.concatenate(([part.negative_infinite], counts, [part.positive_infinite]))
        for part, counts in ((reference, both.reference), (current, both.current))
    ]
    held = (sides[0] + sides[1]) > 0.0
    return sides[0][held], sides[1][held]
