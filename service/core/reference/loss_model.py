"""A regression model's expected loss by its inputs alone: a loss model, fitted once on the reference.

The loss of a row (its absolute error, and that error squared) is taken as a mean plus one effect for each
column, that of the cell its value falls in. So the mean loss over any rows follows exactly from how many of
them fall in each cell of each column, which profiles count anyway: labelled or not, and from merged parts as
from the whole.

Fitted by ridge regression on the cells of the columns that say where the model errs
(`loss_model_columns.py`), about the mean. The penalty is fitted too, by the evidence: D. J. C. MacKay,
"Bayesian interpolation" (1992). To it the cells' effects are drawn from one normal distribution; a cell that
the reference never filled has an effect of 0 and that distribution's spread.

Rows that follow on each other share a storm or a batch, and the mean of many is then less sure than their
number says. How much less is read off the reference: by how much the means of its stretches, a twentieth of
it each, differ from the model beyond what independent rows would (the intraclass correlation of cluster
samples: L. Kish, "Survey sampling", 1965).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.spec import cell_edges
from service.core.reference.loss_model_columns import blocks_of, centred, moments_of, telling_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from service.core.profile.spec.cell_edges import CellEdges
    from service.core.reference.loss_model_columns import Moments
    from service.core.rows.batch import Batch

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

MIN_PENALTY, MAX_PENALTY = 1.0, 1e6  # in rows: what a cell's effect is drawn to zero by
STRETCHES = 20
MAX_STEPS = 100
ENOUGH = 1e-3  # a penalty that moves less than this share is found


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """One loss by cell.

    Attributes:
        rows: The rows fitted to.
        mean: The mean loss over the reference's labelled rows.
        effects: Each cell's effect on it (float64, shape (k,)).
        covariance: The effects' covariance (float64, shape (k, k)).
        scatter: The variance of a row's loss about the model.
        penalty: The penalty that the effects were fitted with.
        correlation: The correlation of the losses of rows less than a stretch apart.
        stretch: How many rows a stretch has.

    """

    rows: int
    mean: float
    effects: Floats
    covariance: Floats
    scatter: float
    penalty: float
    correlation: float
    stretch: int

    def variance_of_mean(self, rows: int) -> float:
        """Return the variance of the mean loss of `rows` rows (one or more) about the model."""
        return self.scatter / rows * (1.0 + self.correlation * (min(rows, self.stretch) - 1))


@dataclass(frozen=True, slots=True, eq=False)
class LossModel:
    """The reference's loss by cell. A loss is None without labelled rows, or where it is beyond a double.

    Attributes:
        rows: The labelled rows.
        columns: The columns whose cells count, in the order of the k cells, with their edges' fingerprints.
        shares: The cells' shares of the labelled rows (float64, shape (k,)).
        absolute: The model of the absolute errors.
        squared: The model of the squared errors.

    """

    rows: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    shares: Floats = field(default_factory=lambda: np.zeros(0))
    absolute: Loss | None = None
    squared: Loss | None = None


def fit(batch: Batch, error: Floats, edges: Mapping[str, CellEdges]) -> LossModel:
    """Fit a reference's absolute `error` (float64, shape (rows,), NaN where there is no label) by cell.

    `edges` are those of the columns that may be used: never the target's. Rows are taken in the order of
    their times. Equal rows give an equal model on one machine; its last bits are LAPACK's.
    """
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # what is too large for a double ends in no loss at all
        return _fit(batch, error, edges)


def _fit(batch: Batch, error: Floats, edges: Mapping[str, CellEdges]) -> LossModel:
    squared = error * error
    order = np.argsort(batch.event_time, kind="stable")
    kept = order[np.isfinite(squared[order])]
    if not len(kept):
        return LossModel()
    loss, blocks = error[kept], blocks_of(len(kept))
    codes = {
        name: cell_edges.codes_of(batch.columns.get(name), batch.rows, at)[kept] for name, at in edges.items()
    }
    sizes = {name: at.cells for name, at in edges.items()}
    columns = telling_columns(codes, sizes, loss, blocks)
    chosen = {name: codes[name] for name in columns}
    absolute, of_squares = (
        _fitted(moments_of(chosen, sizes, each, blocks), chosen, each) for each in (loss, squared[kept])
    )
    tallies = [np.bincount(codes[name], minlength=sizes[name]) for name in columns]
    shares = np.concatenate([np.zeros(0), *tallies]) / len(kept)
    marks = {name: edges[name].fingerprint for name in columns}
    return LossModel(len(kept), marks, shares, absolute, of_squares)


def _fitted(moments: Moments, codes: Mapping[str, Codes], loss: Floats) -> Loss | None:
    rows, total = float(moments.rows.sum()), float(moments.total.sum())
    spread = float(moments.squares.sum()) - total * total / rows
    if not np.isfinite(spread):
        return None
    scatter, products = centred(moments.pairs.sum(axis=0), moments.sums.sum(axis=0), rows, total)
    sizes, axes = np.linalg.eigh(scatter)
    sizes, along = np.maximum(sizes, 0.0), axes.T @ products
    penalty, noise = _evidence(sizes, along, spread, rows)
    effects = axes @ (along / (sizes + penalty))
    about = loss - total / rows
    for name, codes_of_column in codes.items():
        by_cell = effects[moments.places[name]][codes_of_column]
        about = about - (by_cell - by_cell.mean())
    stretch = max(len(loss) // STRETCHES, 1)
    return Loss(
        rows=round(rows),
        mean=total / rows,
        effects=effects,
        covariance=noise * (axes / (sizes + penalty)) @ axes.T,
        scatter=noise,
        penalty=penalty,
        correlation=_correlation(about, stretch, noise),
        stretch=stretch,
    )


def _correlation(about: Floats, stretch: int, scatter: float) -> float:
    # Of what the model leaves over, by the variance of the means of stretches; independent rows have none.
    whole = len(about) // stretch
    if stretch < 2 or whole < 2 or not scatter:  # noqa: PLR2004 - a variance takes two
        return 0.0
    means = about[: whole * stretch].reshape(whole, stretch).mean(axis=1)
    times = stretch * float(means.var(ddof=1)) / scatter
    return max(times - 1.0, 0.0) / (stretch - 1)


def _evidence(sizes: Floats, along: Floats, spread: float, rows: float) -> tuple[float, float]:
    # The penalty and the noise that make the losses likeliest, found by repeating MacKay's two updates: of
    # the effects' variance by how many of them the rows determine, of the noise by what is left over.
    penalty, noise = MIN_PENALTY, 0.0
    for _ in range(MAX_STEPS):
        effects = along / (sizes + penalty)
        determined = float((sizes / (sizes + penalty)).sum())
        left = spread - float((2.0 * along - sizes * effects) @ effects)
        noise = max(left, 0.0) / max(rows - 1.0 - determined, 1.0)
        variance = float(effects @ effects) / determined if determined else 0.0
        before, penalty = penalty, MAX_PENALTY if not variance else noise / variance
        penalty = min(max(penalty, MIN_PENALTY), MAX_PENALTY)
        if abs(penalty - before) <= ENOUGH * before:
            break
    return penalty, noise
