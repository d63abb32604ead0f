from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from service.core.measurement import Measurement
from service.core.profile import distribution, profile
from service.core.reference import reference as references
from service.core.reference import score_calibration
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.task import Binary, Multiclass
from service.methods.performance.estimated.estimate import measure_estimates
from service.methods.performance.performance import measure_performance
from service.methods.performance.registry import estimated_metrics_of, metrics_of

TASK = Binary("truth", score="score", threshold=0.4)
SCHEMA = Schema((Column("truth", Kind.NUMERICAL), Column("score", Kind.NUMERICAL)), TASK)


def scored(draw: np.random.Generator, rows: int, *, a: float = 2.0, b: float = 3.0) -> Batch:
    """Draw rows of which `chance` (beta-distributed) come true, and scores that overstate it."""
    chance = draw.beta(a, b, rows)
    score = np.clip(0.5 + 1.5 * (chance - 0.5), 0.01, 0.99)
    truth = (draw.uniform(size=rows) < chance).astype(float)
    return batch(truth, score)


def batch(truth: np.ndarray, score: np.ndarray) -> Batch:
    """Return rows of a truth and a score."""
    columns = {"truth": Numbers(np.asarray(truth, float)), "score": Numbers(np.asarray(score, float))}
    return Batch(len(truth), np.arange(len(truth)), columns)


def estimates(reference: Reference, window: Batch) -> dict[str, Measurement]:
    """Measure the estimates of a window by metric."""
    current = profile.of(window, SCHEMA)
    found = measure_estimates(reference.profile, current, TASK, reference.estimator)
    return {m.series.metric: m for m in found}


def realised(window: Batch) -> dict[str, float]:
    """Measure what came true of a window, by the estimate that stands for it."""
    current = profile.of(window, SCHEMA)
    found = measure_performance(current, current, TASK)
    return {f"estimated_{m.series.metric}": m.value for m in found}


REFERENCE = references.of(scored(np.random.default_rng(1), 5_000), SCHEMA)


def test_estimates_are_unbiased_when_only_the_scores_move():
    """Over 40 references each figure is missed by less than 0.006, though it moved by up to 0.15."""
    draw = np.random.default_rng(2)
    missed, moved = defaultdict(list), defaultdict(list)
    for _ in range(40):
        reference = references.of(scored(draw, 5_000), SCHEMA)
        window = scored(draw, 3_000, a=3.0, b=2.0)
        truth = realised(window)
        for metric, m in estimates(reference, window).items():
            missed[metric].append(m.value - truth[metric])
            moved[metric].append(m.value - m.reference)
    assert max(abs(np.mean(values)) for values in missed.values()) < 0.006
    assert max(abs(np.mean(values)) for values in moved.values()) > 0.15


@pytest.mark.parametrize("rows", [80, 600])
def test_bands_cover_what_is_realised_when_only_the_scores_move(rows: int):
    """Of 200 windows over 100 references 90 in 100 or more have their realised figures in the bands."""
    draw = np.random.default_rng(3)
    hits, tries = Counter[str](), Counter[str]()
    for number in range(200):
        if number % 2 == 0:
            reference = references.of(scored(draw, 4_000), SCHEMA)
        window = scored(draw, rows, a=3.0, b=2.5)
        truth = realised(window)
        for metric, m in estimates(reference, window).items():
            if truth[metric] is not None:
                tries[metric] += 1
                hits[metric] += m.low <= truth[metric] <= m.high
    shares = {metric: hits[metric] / count for metric, count in tries.items()}
    assert min(shares.values()) >= 0.9, shares


def test_scores_that_lost_their_meaning_move_the_realised_figures_alone():
    """Labels without regard to the score: the estimate stays, the realised area falls out of its band."""
    window = scored(np.random.default_rng(4), 1_000)
    coin = np.random.default_rng(5).integers(0, 2, 1_000)
    m = estimates(REFERENCE, batch(coin, window.columns["score"].values))["estimated_roc_auc"]
    assert m.value == pytest.approx(m.reference, abs=0.03)
    assert realised(batch(coin, window.columns["score"].values))["estimated_roc_auc"] < m.low - 0.1


def test_labels_do_not_enter_an_estimate():
    """The estimates of a window are the same before its labels come and after."""
    window = scored(np.random.default_rng(6), 300)
    waiting = batch(np.full(300, np.nan), window.columns["score"].values)
    assert estimates(REFERENCE, window) == estimates(REFERENCE, waiting)


def test_every_realised_figure_has_an_estimate_but_three():
    """All that is measured is estimated, but the predicted rate, the calibration error and `mcc`."""
    names = {metric.name for metric in metrics_of(TASK)} - {"positive_rate", "calibration_error", "mcc"}
    assert {metric.name for metric in estimated_metrics_of(TASK)} == {f"estimated_{n}" for n in names}
    worse = {f"estimated_{metric.name}": metric.worse for metric in metrics_of(TASK)}
    assert all(metric.worse is worse[metric.name] for metric in estimated_metrics_of(TASK))


def test_what_has_no_scores_has_no_estimates():
    """A model that answers with labels alone, or of several classes, has none."""
    rows = scored(np.random.default_rng(7), 50)
    answered = rows.with_column("score", rows.columns["truth"])
    for task in (Binary("truth", "score"), Multiclass("truth", "score"), None):
        reference = references.of(answered, Schema(SCHEMA.columns, task))
        assert reference.estimator is None
    assert estimated_metrics_of(Binary("truth", "score")) == estimated_metrics_of(Multiclass("a", "b")) == ()


def test_what_cannot_be_estimated_says_why():
    """No labels in the reference, no scores in the window, none above the threshold, none within 0 to 1."""
    unlabelled = references.of(batch(np.full(3, np.nan), np.array([0.1, 0.5, 0.9])), SCHEMA)
    window = scored(np.random.default_rng(8), 50)
    reasons = {m.reason for m in estimates(unlabelled, window).values()}
    assert reasons == {"no labelled row of the reference has a score"}
    empty = batch(np.ones(2), np.array([np.nan, np.inf]))
    assert {m.reason for m in estimates(REFERENCE, empty).values()} == {"no row has a score"}
    low = estimates(REFERENCE, batch(np.ones(2), np.array([0.1, 0.3])))
    assert low["estimated_precision"].reason == "no row was predicted to be of the class"
    assert low["estimated_recall"].value == 0.0
    beyond = estimates(REFERENCE, batch(np.ones(2), np.array([0.5, 1.5])))
    assert beyond["estimated_brier"].reason == "1 scores lie outside 0 to 1, where a probability must lie"
    assert beyond["estimated_accuracy"].value is not None


@pytest.mark.parametrize("truth", [[0.0, 0.0], [1.0, 1.0], [1.0]])
def test_a_reference_of_one_class_expects_that_class(truth: list[float]):
    """Where every reference row is of one class so is every row expected, and no area is defined."""
    reference = references.of(batch(np.array(truth), np.full(len(truth), 0.5)), SCHEMA)
    found = estimates(reference, scored(np.random.default_rng(9), 20))
    assert found["estimated_observed_positive_rate"].value == truth[0]
    assert found["estimated_roc_auc"].reason == "no pair of a positive and a negative row is expected"
    assert found["estimated_accuracy"].low < found["estimated_accuracy"].high


def test_no_labels_no_blocks():
    """Without a labelled row there is nothing to pool; neighbours in disorder are pooled, others are not."""
    nothing = distribution.empty(Kind.NUMERICAL)
    assert not len(score_calibration.fit(nothing, nothing).rows)
    positives = distribution.of_numbers(np.array([0.1, 0.6, 0.7]))
    negatives = distribution.of_numbers(np.array([0.2, 0.3, 0.7]))
    fitted = score_calibration.fit(positives, negatives)
    assert fitted.first.tolist() == [0.1, 0.6]
    assert fitted.last.tolist() == [0.3, 0.7]
    assert fitted.chances.tolist() == [1 / 3, 2 / 3]
    assert fitted.rows.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("answers", [None, "guess"])
def test_compressed_scores_carry_an_error_bound_that_holds(seed: int, answers: str | None):
    """However few scores are kept, the figure of the exact ones lies within the bound, which is not idle."""
    draw = np.random.default_rng(seed)
    window = scored(draw, 400)
    columns = {**window.columns, "guess": Numbers((draw.uniform(size=400) < 0.4).astype(float))}
    window = Batch(400, window.event_time, columns)
    task = Binary("truth", answers, "score", threshold=0.4)
    schema = Schema((*SCHEMA.columns, Column("guess", Kind.NUMERICAL)), task)
    reference = references.of(scored(draw, 2_000), SCHEMA)
    for limit in (8, 80):
        exact, rough = (
            measure_estimates(
                reference.profile, profile.of(window, schema, limit=most), task, reference.estimator
            )
            for most in (400, limit)
        )
        for one, other in zip(exact, rough, strict=True):
            assert one.error_bound is None
            assert abs(one.value - other.value) <= other.error_bound, one.series.metric
    assert max(m.error_bound for m in rough) < 0.35


def test_labels_beside_the_scores_are_the_predictions():
    """Where the model answers with labels of its own, these make precision and recall, not the threshold."""
    draw = np.random.default_rng(10)
    window = scored(draw, 400)
    answers = (window.columns["score"].values >= 0.7).astype(float)
    answers[::10] = np.nan
    columns = {**window.columns, "guess": Numbers(answers)}
    found = {}
    for task in (Binary("truth", "guess", "score"), Binary("truth", score="score", threshold=0.7)):
        schema = Schema((*SCHEMA.columns, Column("guess", Kind.NUMERICAL)), task)
        rows = Batch(400, window.event_time, columns)
        if task.prediction is None:
            rows = rows.take(np.flatnonzero(np.isfinite(answers)))
        measured = measure_estimates(REFERENCE.profile, profile.of(rows, schema), task, REFERENCE.estimator)
        found[task.prediction] = {m.series.metric: m for m in measured}
    for metric in ("accuracy", "precision", "recall", "f1"):
        one, other = (found[side][f"estimated_{metric}"] for side in ("guess", None))
        assert (one.value, one.rows) == (pytest.approx(other.value), 360)
    unanswered = Batch(400, window.event_time, window.columns)
    schema = Schema((*SCHEMA.columns, Column("guess", Kind.NUMERICAL)), Binary("truth", "guess", "score"))
    measured = measure_estimates(
        REFERENCE.profile, profile.of(unanswered, schema), schema.task, REFERENCE.estimator
    )
    assert measured[0].reason == "no row has both a score and a prediction"
    assert measured[5].value is not None


@pytest.mark.parametrize("end", [1e-320, 2.2e-311, 1e-300])
def test_scores_next_to_each_other_have_a_chance(end: float):
    """Scores so close that their slope overflows give finite figures, and too few positives none."""
    reference = references.of(batch(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, end])), SCHEMA)
    found = estimates(reference, batch(np.zeros(2), np.array([0.0, end / 2.0])))
    assert 0.0 <= found["estimated_observed_positive_rate"].value <= 0.5
    wide = references.of(batch(np.array([0.0, 1.0]), np.array([0.0, 1.0])), SCHEMA)
    rare = estimates(wide, batch(np.zeros(2), np.array([0.0, end])))
    assert rare["estimated_roc_auc"].reason == "no pair of a positive and a negative row is expected"
    assert rare["estimated_pr_auc"].reason == "no positive row is expected"
