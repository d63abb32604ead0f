"""Estimated areas under the ROC and precision-recall curves, from the calibrated scores.

With rows of chance p, all sums over rows:

- `estimated_roc_auc`: the expected number of pairs won by the positive row (a tie is half a win), over the
  expected number of pairs. A row makes no pair with itself.
- `estimated_pr_auc`: the expected sum, over the positive rows, of the precision down to each, over the
  expected number of positive rows. A row that is positive counts fully among those down to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.methods.performance.estimated.expected_positives import NO_EXPECTED_ROWS, share_value
from service.methods.performance.metric import MetricValue, no_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.methods.performance.estimated.binary import Chances
    from service.methods.performance.estimated.expected_positives import Expected

    Floats = NDArray[np.float64]


def roc_auc(state: Chances) -> MetricValue:
    """Return the expected area under the ROC curve."""
    rows = state.rows
    positives, negatives = float(rows.positives.sum()), float(rows.negatives.sum())
    own = float((rows.positives * (1.0 - rows.chances)).sum())  # pairs of a row with itself
    pairs = positives * negatives - own
    if pairs <= NO_EXPECTED_ROWS:
        return no_value("no pair of a positive and a negative row is expected")
    below = rows.negatives.cumsum() - rows.negatives / 2.0
    area = (float((rows.positives * below).sum()) - own / 2.0) / pairs
    above = positives - rows.positives.cumsum() + rows.positives / 2.0
    slope = (below - above - area * (negatives - positives)) / pairs
    within = _area_within(rows) if rows.compressed else None
    return share_value(rows, area, slope, rests_on=min(positives, negatives), within=within)


def pr_auc(state: Chances) -> MetricValue:
    """Return the expected average precision."""
    rows = state.rows
    positives = float(rows.positives.sum())
    if positives <= NO_EXPECTED_ROWS:
        return no_value("no positive row is expected")
    down_to = _from_above(rows.counts)
    precision = (_from_above(rows.positives) + 1.0 - rows.chances) / down_to
    mean = float((rows.positives * precision).sum()) / positives
    as_other = (rows.positives / down_to).cumsum() - rows.chances / down_to
    within = _precision_within(rows) if rows.compressed else None
    slope = (precision + as_other - mean) / positives
    return share_value(rows, mean, slope, rests_on=positives, within=within)


def _area_within(rows: Expected) -> tuple[float, float]:
    # Chances at either end, and all or none of the pairs kept at one score won.
    low, high = rows.ends
    few, many = rows.counts * low, rows.counts * high
    fewer, more = rows.counts * (1.0 - high), rows.counts * (1.0 - low)
    lost = float((few * (fewer.cumsum() - fewer)).sum())
    won = float((many * more.cumsum()).sum())
    own = float((rows.counts * high * (1.0 - low)).sum())
    least = float(few.sum() * fewer.sum()) - own
    return lost / float(many.sum() * more.sum()), won / least if least > 0.0 else 1.0


def _precision_within(rows: Expected) -> tuple[float, float]:
    # Chances at either end, and of the rows kept at a positive row's score all, or the best of none and all
    # positive ones, before it.
    low, high = rows.ends
    few, many = rows.counts * low, rows.counts * high
    down_to = _from_above(rows.counts)
    before, before_few, before_many = (_from_above(side) - side for side in (rows.counts, few, many))
    worst = (before_few + 1.0) / down_to
    best = np.minimum(
        np.maximum((before_many + 1.0) / (before + 1.0), (before_many + many + 1.0) / down_to), 1.0
    )
    least = float(few.sum())
    return (
        float((few * worst).sum()) / float(many.sum()),
        float((many * best).sum()) / least if least else 1.0,
    )


def _from_above(values: Floats) -> Floats:
    # At each score the sum over it and all higher ones.
    summed: Floats = values[::-1].cumsum()[::-1]
    return summed
