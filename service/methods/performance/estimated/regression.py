"""Estimated errors of a regression, with or without labels, by the reference's loss model.

`estimated_mae` and `estimated_rmse` are what the reference's loss model (`core/reference/loss_model.py`)
gives for the rows of a window, with or without a label: the mean loss plus, by column, the effect of each
cell times how much larger its share of the rows is than in the reference. They move with the inputs alone. A
relation that changed is not in them, so that the distance from the realised value is concept drift, or inputs
that no watched column shows, or columns that matter together: the model adds effects up.

The band is where the realised value of as many labelled rows would lie in 95 of 100 windows, had only the
inputs moved: the rows' scatter, taken to grow with the mean loss and to go together as the reference's rows
do, and what the effects are uncertain by.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.profile import error_cells
from service.core.profile.part import NOT_KEPT
from service.errors import ProfileError
from service.methods.performance.metric import TOO_LARGE, MetricValue, metric_value, no_value
from service.methods.stats.confidence_bands import positive_band
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from service.core.profile.error_cells import CellCounts
    from service.core.profile.profile import Profile
    from service.core.reference.loss_model import Loss, LossModel
    from service.core.rows.task import Regression
    from service.methods.stats.confidence_bands import Band

    Floats = NDArray[np.float64]

NO_REFERENCE_LABELS = "no labels in the reference"
NO_PREDICTIONS = "no row has a prediction"


class ExpectedLoss(NamedTuple):
    """The state of the estimated metrics of a regression.

    `moved` is by how much the share of the window's `rows` in each cell of the model's columns is larger than
    in the reference (float64, shape (cells,)).
    """

    model: LossModel
    moved: Floats
    rows: int


def expected_loss(model: LossModel, current: Profile, task: Regression) -> ExpectedLoss:
    """Return the state of a window's rows. Raises Unmeasurable without a label before or a prediction now.

    Raises ProfileError where the rows were counted in other cells than the model's.
    """
    if not model.rows:
        raise Unmeasurable(NO_REFERENCE_LABELS)
    if not current.columns[task.prediction].distribution.finite:
        raise Unmeasurable(NO_PREDICTIONS)
    cells = current.get(error_cells.PART)
    if cells is None:
        raise Unmeasurable(NOT_KEPT)
    return ExpectedLoss(model, _moved(model, cells, current.rows), current.rows)


def mae(state: ExpectedLoss) -> MetricValue:
    """Return the expected mean absolute error."""
    return _mean(state, state.model.absolute, float)


def rmse(state: ExpectedLoss) -> MetricValue:
    """Return the expected root mean squared error."""
    return _mean(state, state.model.squared, math.sqrt)


def _moved(model: LossModel, cells: Mapping[str, CellCounts], rows: int) -> Floats:
    # By cell of the model's columns: by how much its share of the rows is larger than in the reference.
    shares = [np.zeros(0)]
    for name, fingerprint in model.columns.items():
        counts = cells.get(name)
        if counts is None or counts.edges != fingerprint:
            raise ProfileError(
                f"{name}: rows counted in cells {counts and counts.edges} with a loss model over cells "
                f"{fingerprint}; expected a profile made with the spec of the model's reference"
            )
        shares.append(np.array(counts.rows) / rows)
    moved: Floats = np.concatenate(shares) - model.shares
    return moved


def _mean(state: ExpectedLoss, loss: Loss | None, unit: Callable[[float], float]) -> MetricValue:
    # `unit` takes a mean loss to the metric.
    if loss is None:
        return no_value(TOO_LARGE)
    _, moved, rows = state
    mean = loss.mean + float(moved @ loss.effects)

    def compute() -> float:
        if mean < 0.0:
            raise Unmeasurable("the inputs lie where the effects of their cells add up to less than no error")
        return unit(mean)

    def band(_: float) -> Band:
        grown = (mean / loss.mean) ** 2 if loss.mean else 1.0
        of_rows = loss.variance_of_mean(rows) * grown + loss.variance_of_mean(loss.rows)
        of_effects = float(moved @ loss.covariance @ moved)
        low, high = positive_band(mean, math.sqrt(of_rows + of_effects), rows)
        return None if low is None else unit(low), None if high is None else unit(high)

    return metric_value(rows, compute, band)
