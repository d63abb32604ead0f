"""Matthews' correlation coefficient of two classes, equal to scikit-learn on the raw rows to 1e-9.

The correlation of the true and the predicted class (B. W. Matthews, "Comparison of the predicted and observed
secondary structure of T4 phage lysozyme", 1975): 1 where all rows are predicted rightly, -1 where all are
predicted wrongly, 0 where the prediction says nothing. Where a class is never true or never predicted there
is no correlation, and so no value; scikit-learn gives 0, which would read as a model that knows nothing.

Its band: the variance by the delta method over the four counts (Y. Itaya, J. Tamura, K. Hayashi and
K. Yamamoto, "Asymptotic properties of Matthews correlation coefficient", 2025), in Wilson's form.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.methods.performance.metric import MetricValue, metric_value, no_value, why_unlabelled
from service.methods.stats.confidence_bands import share_like_band
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from service.core.profile.outcome.binary import BinaryOutcome, Confusion
    from service.methods.stats.confidence_bands import Band


def mcc(outcome: BinaryOutcome) -> MetricValue:
    """Return the correlation of the true and the predicted class over the labelled rows."""
    cells = outcome.confusion
    if not cells.rows:
        return no_value(why_unlabelled(outcome))
    margins = _margins(cells)

    def compute() -> float:
        for name, rows in margins.items():
            if not rows:
                raise Unmeasurable(f"no row {name}: nothing to correlate")
        agreement = cells.true_positive * cells.true_negative - cells.false_positive * cells.false_negative
        return max(-1.0, min(1.0, agreement / math.sqrt(math.prod(margins.values()))))

    def band(value: float) -> Band:
        low, high = share_like_band((1.0 + value) / 2.0, variance(cells, value) / 4.0, min(margins.values()))
        return (None if low is None else 2.0 * low - 1.0), (None if high is None else 2.0 * high - 1.0)

    return metric_value(cells.rows, compute, band)


def variance(cells: Confusion, value: float) -> float:
    """Return the sampling variance of the coefficient `value`; 0 for a single row."""
    rows = cells.rows
    if rows <= 1:
        return 0.0
    positive, negative, called_positive, called_negative = _margins(cells).values()
    scale = math.sqrt(positive * negative * called_positive * called_negative)
    total = 0.0
    # What one more row of each cell changes: its share of the agreement, less what it adds to the margins.
    for count, agrees, other, true, predicted in (
        (cells.true_positive, 1, cells.true_negative, positive, called_positive),
        (cells.true_negative, 1, cells.true_positive, negative, called_negative),
        (cells.false_positive, -1, cells.false_negative, negative, called_positive),
        (cells.false_negative, -1, cells.false_positive, positive, called_negative),
    ):
        change = agrees * other / scale - value / 2.0 * (1.0 / true + 1.0 / predicted)
        total += count * change**2
    return total * rows / (rows - 1)


def _margins(cells: Confusion) -> dict[str, int]:
    return {
        "is positive": cells.true_positive + cells.false_negative,
        "is negative": cells.true_negative + cells.false_positive,
        "was predicted positive": cells.true_positive + cells.false_positive,
        "was predicted negative": cells.true_negative + cells.false_negative,
    }
