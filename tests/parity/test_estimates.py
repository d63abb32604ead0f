"""Estimates equal what scikit-learn and a loop over raw rows give, to 1e-9."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge

from service.core.profile.distribution import of_numbers
from service.core.profile.outcome import row_errors
from service.core.profile.spec import cell_edges
from service.core.reference import loss_model_columns, score_calibration
from service.core.reference import reference as references
from service.core.reference.loss_model import LossModel
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch
from service.methods.performance.estimated.estimate import chance_values
from tests.unit.methods.flock import SCHEMA, estimates, flock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from service.methods.performance.metric import AnyMetric, MetricValue

    Floats = NDArray[np.float64]

THRESHOLD = 0.5


def by_rows(p: Floats, score: Floats, labelled: NDArray[np.bool_]) -> dict[str, float | None]:
    """Every expected figure, row by row and pair by pair, of calibrated scores and predicted classes."""
    true_positive, false_negative = p[labelled].sum(), p[~labelled].sum()
    false_positive, true_negative = (1 - p)[labelled].sum(), (1 - p)[~labelled].sum()
    kept = np.clip(score, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    wins, pairs = 0.0, 0.0
    for i in range(len(p)):
        others = np.arange(len(p)) != i
        chance = p[i] * (1 - p[others])
        wins += float(chance @ ((score[i] > score[others]) + 0.5 * (score[i] == score[others])))
        pairs += float(chance.sum())
    precisions = [
        (1.0 + p[(score >= score[i]) & (np.arange(len(p)) != i)].sum()) / (score >= score[i]).sum()
        for i in range(len(p))
    ]
    return {
        "estimated_accuracy": (true_positive + true_negative) / len(p),
        "estimated_precision": true_positive / labelled.sum() if labelled.any() else None,
        "estimated_recall": true_positive / p.sum() if p.any() else None,
        "estimated_f1": 2 * true_positive / (2 * true_positive + false_positive + false_negative)
        if labelled.any() or p.any()
        else None,
        "estimated_observed_positive_rate": p.mean(),
        "estimated_roc_auc": wins / pairs if pairs else None,
        "estimated_pr_auc": float(p @ precisions) / p.sum() if p.any() else None,
        "estimated_log_loss": float(np.mean(-p * np.log(kept) - (1 - p) * np.log(1 - kept))),
        "estimated_brier": float(np.mean(p * (1 - score) ** 2 + (1 - p) * score**2)),
    }


def check_scores(truth: Floats, score: Floats, window: Floats) -> None:
    """Compare every figure of a window's scores with scikit-learn's calibration and the loops above."""
    theirs = IsotonicRegression(out_of_bounds="clip").fit(score, truth).predict(window)
    ours = score_calibration.fit(of_numbers(score[truth == 1]), of_numbers(score[truth == 0]))
    np.testing.assert_allclose(ours.chance(window), theirs, rtol=1e-9, atol=1e-12)
    compare(chance_values(ours, of_numbers(window), THRESHOLD), by_rows(theirs, window, window >= THRESHOLD))
    labelled = np.random.default_rng(len(window)).uniform(size=len(window)) < window
    sides = of_numbers(window[labelled]), of_numbers(window[~labelled])
    compare(chance_values(ours, of_numbers(window), sides), by_rows(theirs, window, labelled))


def compare(values: Iterable[tuple[AnyMetric, MetricValue]], expected: dict[str, float | None]) -> None:
    """Check every value to 1e-9, and that there is none with a reason where none is expected."""
    got = {metric.name: value for metric, value in values}
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        if value is None:
            assert (got[name].value, bool(got[name].reason)) == (None, True), name
        else:
            assert got[name].value == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("digits", [1, 2, 17])
def test_expected_figures_equal_a_loop_over_rows(digits: int) -> None:
    """Scores that are too bold, with many ties, few or none: each figure is that of the raw rows."""
    draw = np.random.default_rng(20130106)
    chance = draw.beta(2.0, 3.0, 900)
    score = np.clip(0.5 + 1.4 * (chance - 0.5), 0.001, 0.999).round(digits)
    truth = (draw.uniform(size=900) < chance).astype(float)
    check_scores(truth, score, draw.beta(3.0, 3.0, 400).round(digits))


probabilities = st.floats(0.0, 1.0).map(lambda value: round(value, 2))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), probabilities), min_size=1, max_size=25),
    st.lists(probabilities, min_size=1, max_size=15),
)
def test_any_scores_equal_a_loop_over_rows(reference: list[tuple[bool, float]], window: list[float]) -> None:
    """Whatever the rows: one class alone, one row alone, scores beyond the reference's."""
    truth, score = np.array(reference, dtype=np.float64).T
    check_scores(truth, score, np.array(window))


def one_hot(batch: Batch, reference: Reference, columns: list[str]) -> Floats:
    """Return every row's cells as zeros and ones."""
    edges = reference.spec.edges
    codes = [cell_edges.codes_of(batch.columns[name], batch.rows, edges[name]) for name in columns]
    return np.hstack([np.eye(edges[name].cells)[code] for name, code in zip(columns, codes, strict=True)])


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Return the reference of 6,000 rows."""
    return references.of(flock(np.random.default_rng(1), 6_000), SCHEMA)


def test_the_loss_model_is_a_ridge_regression_on_cells(reference: Reference) -> None:
    """The estimates of a window equal the mean of scikit-learn's Ridge over its rows, labelled or not."""
    model = reference.estimator
    assert isinstance(model, LossModel)
    assert model.absolute is not None
    assert model.squared is not None
    assert sorted(model.columns) == ["colour", "size"]
    batch = flock(np.random.default_rng(1), 6_000)
    window = flock(np.random.default_rng(2), 700, shift=0.7)
    error = row_errors.absolute_errors(batch, SCHEMA)
    known = np.isfinite(error)
    sides = [one_hot(rows, reference, list(model.columns)) for rows in (batch, window)]
    measured = estimates(reference, window)
    for name, loss, target in (
        ("estimated_mae", model.absolute, error),
        ("estimated_rmse", model.squared, error**2),
    ):
        ridge = Ridge(alpha=loss.penalty, solver="svd").fit(sides[0][known], target[known])
        value = measured[name].value
        assert value is not None
        mean = value if name == "estimated_mae" else value**2
        assert mean == pytest.approx(ridge.predict(sides[1]).mean(), rel=1e-9)


def test_columns_are_chosen_by_blocks_held_out(reference: Reference) -> None:
    """The squared error of each block held out equals that of scikit-learn's Ridge fitted on the others."""
    batch = flock(np.random.default_rng(1), 6_000)
    error = row_errors.absolute_errors(batch, SCHEMA)
    known = np.isfinite(error)
    loss, names = error[known], ["size", "colour"]
    table = one_hot(batch, reference, names)[known]
    edges = reference.spec.edges
    codes = {name: cell_edges.codes_of(batch.columns[name], batch.rows, edges[name])[known] for name in names}
    sizes = {name: edges[name].cells for name in names}
    blocks = loss_model_columns.blocks_of(len(loss))
    got = loss_model_columns._held_out(loss_model_columns.moments_of(codes, sizes, loss, blocks))
    edge = np.searchsorted(blocks, np.arange(loss_model_columns.BLOCKS + 1))
    for block, (start, stop) in enumerate(pairwise(edge.tolist())):
        rest = np.delete(np.arange(len(loss)), np.arange(start, stop))
        ridge = Ridge(alpha=loss_model_columns.PENALTY, solver="svd").fit(table[rest], loss[rest])
        expected = ((ridge.predict(table[start:stop]) - loss[start:stop]) ** 2).sum()
        assert got[block] == pytest.approx(expected, rel=1e-9)
