"""Performance equals scikit-learn's on the raw rows to 1e-9, and numpy's where scikit-learn has none."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from service.core.profile import distribution
from service.core.profile.outcome import outcome as outcomes
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.outcome.multiclass import MulticlassOutcome
from service.core.rows.task import Binary, Multiclass, Regression
from service.methods.performance import classification, matthews, ranking
from tests.unit.methods.build import performance, profiled, segmented

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from service.core.measurement import Measurement

REGRESSION = Regression("guess", "truth")
BINARY = Binary("truth", score="score")
BOTH = Binary("truth", "guess", "score")
CLASSES = Multiclass("truth", "guess", (("a", "p_a"), ("b", "p_b"), ("c", "p_c")))


def agree(got: Mapping[str, Measurement], expected: Mapping[str, float | None]) -> None:
    """Check every value to 1e-9, and that there is none with a reason where none is expected."""
    for name, value in expected.items():
        measured = got[name]
        if value is None:
            assert (measured.value, bool(measured.reason)) == (None, True), (name, measured)
        else:
            assert measured.value == pytest.approx(value, rel=1e-9, abs=1e-9), (name, measured)


def quietly(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call scikit-learn without its warnings of what is not defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


def regression_by_sklearn(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float | None]:
    """Every regression metric as scikit-learn and numpy define it."""
    size = np.abs(guess - truth)
    far = np.abs(truth) >= np.finfo(np.float64).eps
    return {
        "mae": sk.mean_absolute_error(truth, guess),
        "rmse": sk.root_mean_squared_error(truth, guess),
        "mean_error": float(np.mean(guess - truth)),
        "mape": sk.mean_absolute_percentage_error(truth[far], guess[far]) if far.any() else None,
        "r2": sk.r2_score(truth, guess) if len(set(truth.tolist())) > 1 else None,
        "max_error": sk.max_error(truth, guess),
        "absolute_error_p50": sk.median_absolute_error(truth, guess),
        "absolute_error_p90": float(np.quantile(size, 0.9)),
        "absolute_error_p99": float(np.quantile(size, 0.99)),
        "mape_left_out_rows": float(len(far) - far.sum()),
    }


def _regressions() -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    draw = np.random.default_rng(20130103)
    normal, minutes = draw.normal(size=700), np.round(draw.exponential(60.0, size=700))
    return {
        "normal": (normal + draw.normal(0, 0.3, 700), normal),
        "whole minutes, some zero": (np.round(minutes + draw.normal(0, 5, 700)), minutes),
        "one row": (np.array([1.5]), np.array([1.0])),
        "two rows": (np.array([1.5, 2.0]), np.array([1.0, 4.0])),
        "equal targets": (normal, np.full(700, 0.1)),
        "all targets zero": (normal, np.zeros(700)),
        "no error at all": (minutes, minutes),
        "one error, many times": (minutes + 3.0, minutes),
        "worse than the mean": (-5.0 * normal, normal),
        "far from zero": (1.7e9 + normal, 1.7e9 + draw.normal(size=700)),
        "tiny": (normal * 1e-12, draw.normal(size=700) * 1e-12),
        "huge": (normal * 1e70, draw.normal(size=700) * 1e70),
        "one huge outlier": (np.append(normal, 1e9), np.append(normal, 0.0)),
    }


REGRESSIONS = _regressions()


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression_equals_scikit_learn(name: str) -> None:
    """Every metric of every sample is scikit-learn's, or none where it is not defined."""
    guess, truth = REGRESSIONS[name]
    agree(performance(REGRESSION, {"guess": guess, "truth": truth}), regression_by_sklearn(guess, truth))


ordinary = st.floats(-1e3, 1e3).map(lambda value: round(value, 3)) | st.sampled_from([0.0, 1.0, 1e-3])


@settings(deadline=None)
@given(st.lists(st.tuples(ordinary, ordinary), min_size=1, max_size=30))
def test_any_regression_equals_scikit_learn(rows: list[tuple[float, float]]) -> None:
    """Whatever the rows, ties and zeros among them."""
    guess, truth = np.array(rows).T
    expected = regression_by_sklearn(guess, truth)
    got = performance(REGRESSION, {"guess": guess, "truth": truth})
    agree(got, expected)


def binary_by_sklearn(truth: NDArray[np.int64], score: NDArray[np.float64]) -> dict[str, float | None]:
    """Every metric of a two-class model whose scores are cut at one half."""
    predicted = (score >= 0.5).astype(np.int64)
    two, positives = len(set(truth.tolist())) > 1, bool(truth.any())
    told, counted = calibration_curve(truth, score, n_bins=10), _rows_by_bin(score)
    return {
        "accuracy": sk.accuracy_score(truth, predicted),
        "precision": sk.precision_score(truth, predicted) if predicted.any() else None,
        "recall": sk.recall_score(truth, predicted) if positives else None,
        "f1": sk.f1_score(truth, predicted) if positives or predicted.any() else None,
        "mcc": sk.matthews_corrcoef(truth, predicted) if two and len(set(predicted.tolist())) > 1 else None,
        "positive_rate": float(predicted.mean()),
        "observed_positive_rate": float(truth.mean()),
        "roc_auc": sk.roc_auc_score(truth, score) if two else None,
        "pr_auc": sk.average_precision_score(truth, score) if positives else None,
        "log_loss": quietly(sk.log_loss, truth, score, labels=[0, 1]),
        "brier": sk.brier_score_loss(truth, score, pos_label=1),
        "calibration_error": float(np.abs(told[0] - told[1]) @ counted) / len(truth),
    }


def _rows_by_bin(score: NDArray[np.float64]) -> NDArray[np.int64]:
    counts = np.bincount(np.searchsorted(np.linspace(0.0, 1.0, 11)[1:-1], score), minlength=10)
    return counts[counts > 0]


def _binaries() -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    draw = np.random.default_rng(20130104)
    truth = draw.integers(0, 2, 600)
    score = np.clip(0.35 * truth + draw.beta(2, 2, 600) * 0.65, 0.0, 1.0)
    return {
        "continuous": (truth, score),
        "many ties": (truth, np.round(score, 1)),
        "one score for all": (truth, np.full(600, 0.5)),
        "certain": (truth, (draw.uniform(size=600) < 0.5).astype(float)),
        "certain and right": (truth, truth.astype(float)),
        "certain and wrong": (truth, 1.0 - truth),
        "within rounding of 0 and 1": (truth, np.where(truth == 1, 1.0 - 1e-17, 1e-300)),
        "only positives": (np.ones(40, dtype=np.int64), score[:40]),
        "only negatives": (np.zeros(40, dtype=np.int64), score[:40]),
        "one positive row": (np.array([1]), np.array([0.7])),
        "one negative row": (np.array([0]), np.array([0.2])),
        "one of each": (np.array([0, 1]), np.array([0.2, 0.2])),
        "none predicted positive": (truth, score * 0.4),
        "rare positives": ((draw.uniform(size=5_000) < 0.01).astype(int), draw.uniform(size=5_000)),
        "on the edges of the bins": (truth, draw.integers(0, 11, 600) / 10),
    }


BINARIES = _binaries()


@pytest.mark.parametrize("name", BINARIES)
def test_binary_equals_scikit_learn(name: str) -> None:
    """Every metric of every sample is scikit-learn's, or none where it is not defined."""
    truth, score = BINARIES[name]
    agree(performance(BINARY, {"truth": truth, "score": score}), binary_by_sklearn(truth, score))


probability = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.1, 0.5, 1.0, 1e-17, 1.0 - 1e-16])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), probability), min_size=1, max_size=40))
def test_any_binary_equals_scikit_learn(rows: list[tuple[int, float]]) -> None:
    """Whatever the scores: ties, certainty, one class alone."""
    truth, score = np.array([t for t, _ in rows]), np.array([s for _, s in rows])
    agree(performance(BINARY, {"truth": truth, "score": score}), binary_by_sklearn(truth, score))


def test_labels_that_were_predicted_count_rather_than_the_score() -> None:
    """With a column of predicted labels, texts here, the scores only rank."""
    draw = np.random.default_rng(5)
    truth, guess = draw.choice(["yes", "no"], 300), draw.choice(["yes", "no"], 300)
    score = draw.normal(size=300)  # no probability: it ranks all the same
    task = Binary("truth", "guess", "score", positive=("yes",))
    got = performance(task, {"truth": truth, "guess": guess, "score": score})
    expected: dict[str, float | None] = {
        "precision": sk.precision_score(truth, guess, pos_label="yes"),
        "recall": sk.recall_score(truth, guess, pos_label="yes"),
        "f1": sk.f1_score(truth, guess, pos_label="yes"),
        "roc_auc": sk.roc_auc_score(truth == "yes", score),
        "pr_auc": sk.average_precision_score(truth == "yes", score),
        "log_loss": None,
        "brier": None,
        "calibration_error": None,
    }
    agree(got, expected)
    assert got["log_loss"].reason is not None
    assert "lie outside 0 to 1" in got["log_loss"].reason


def multiclass_by_sklearn(truth: NDArray[np.str_], guess: NDArray[np.str_]) -> dict[str, float | None]:
    """Every metric of the labels, each class's too."""
    expected: dict[str, float | None] = {
        "accuracy": sk.accuracy_score(truth, guess),
        "f1_macro": sk.f1_score(truth, guess, average="macro", zero_division=0),
        "f1_weighted": sk.f1_score(truth, guess, average="weighted", zero_division=0),
    }
    for name in sorted({*truth.tolist(), *guess.tolist()}):
        options = {"labels": [name], "average": "macro", "zero_division": np.nan}
        for metric, function in (
            ("precision", sk.precision_score),
            ("recall", sk.recall_score),
            ("f1", sk.f1_score),
        ):
            value = float(function(truth, guess, **options))
            expected[f"{metric}[class={name}]"] = None if math.isnan(value) else value
    return expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abce")), min_size=1, max_size=40))
def test_any_multiclass_equals_scikit_learn(rows: list[tuple[str, str]]) -> None:
    """Whatever the labels: classes never predicted, never true, one alone."""
    truth, guess = (np.array(side) for side in zip(*rows, strict=True))
    got = performance(Multiclass("truth", "guess"), {"truth": truth, "guess": guess})
    agree(got, multiclass_by_sklearn(truth, guess))


def test_numbers_as_classes_equal_scikit_learn() -> None:
    """Classes given as numbers are the same classes as the same numbers given as texts."""
    draw = np.random.default_rng(6)
    truth, guess = draw.integers(0, 5, 400), draw.integers(0, 5, 400)
    got = performance(Multiclass("truth", "guess"), {"truth": truth * 1.0, "guess": guess.astype(str)})
    agree(got, multiclass_by_sklearn(truth.astype(str), guess.astype(str)))


@pytest.mark.parametrize("certain", [False, True])
def test_the_log_loss_of_several_classes_equals_scikit_learn(certain: bool) -> None:
    """Each row's probability of its true class counts, kept away from 0 and 1 as scikit-learn does."""
    draw = np.random.default_rng(7)
    truth = draw.choice(list("abc"), 500)
    chances = np.eye(3)[draw.integers(0, 3, 500)] if certain else draw.dirichlet([1, 1, 1], 500)
    guess = np.array(list("abc"))[chances.argmax(axis=1)]
    columns = {"truth": truth, "guess": guess, **dict(zip(("p_a", "p_b", "p_c"), chances.T, strict=True))}
    got = performance(CLASSES, columns)
    agree(got, {"log_loss": sk.log_loss(truth, chances), **multiclass_by_sklearn(truth, guess)})


def jackknifed(function: Any, rows: int) -> float:
    """Return the infinitesimal jackknife's variance of `function` of the rows' weights, by differences."""
    step, each = 1e-5, np.eye(rows)
    slopes = [(function(1.0 + step * e) - function(1.0 - step * e)) / (2.0 * step) for e in each]
    return float(np.square(slopes).sum()) * rows / (rows - 1)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_the_variance_of_f1_is_its_jackknife_s(average: str) -> None:
    """What scikit-learn's weighted F1 changes with each row's weight gives the same variance."""
    draw = np.random.default_rng(9)
    truth = draw.choice(list("abc"), 60, p=[0.6, 0.3, 0.1])
    guess = np.where(draw.uniform(size=60) < 0.6, truth, draw.choice(list("abc"), 60))
    expected = jackknifed(
        lambda weights: sk.f1_score(truth, guess, average=average, sample_weight=weights), 60
    )
    shape = profiled(Multiclass("truth", "guess"), {"truth": truth, "guess": guess})[outcomes.PART]
    assert isinstance(shape, MulticlassOutcome)
    table = classification.classes_of(shape).table
    f1 = sk.f1_score(truth, guess, average=None)
    weights = table.sum(axis=1) / 60 if average == "weighted" else np.full(3, 1 / 3)
    got = classification._f1_variance(table, f1, weights, by_rows=average == "weighted")
    assert got == pytest.approx(expected, rel=1e-4)


def test_the_variance_of_mcc_is_its_jackknife_s() -> None:
    """What scikit-learn's coefficient changes with each row's weight gives the same variance."""
    draw = np.random.default_rng(11)
    truth = draw.integers(0, 2, 60)
    guess = np.where(draw.uniform(size=60) < 0.75, truth, 1)
    expected = jackknifed(lambda weights: sk.matthews_corrcoef(truth, guess, sample_weight=weights), 60)
    columns = {"truth": truth, "guess": guess}
    outcome = profiled(Binary("truth", "guess"), columns)[outcomes.PART]
    assert isinstance(outcome, BinaryOutcome)
    value = performance(Binary("truth", "guess"), columns)["mcc"].value
    assert value is not None
    assert matthews.variance(outcome.confusion, value) == pytest.approx(expected, rel=1e-4)


def test_the_variance_of_average_precision_is_its_jackknife_s() -> None:
    """What scikit-learn's average precision changes with each row's weight gives the same variance."""
    draw = np.random.default_rng(10)
    truth = draw.integers(0, 2, 60)
    score = np.round(draw.normal(size=60) + truth, 1)
    expected = jackknifed(lambda weights: sk.average_precision_score(truth, score, sample_weight=weights), 60)
    sides = [distribution.of_numbers(score[truth == side]) for side in (1, 0)]
    got = ranking.average_precision_variance(ranking.ranking(*sides))
    assert got == pytest.approx(expected, rel=1e-4)


SEGMENTED = {
    "regression": (REGRESSION, ("guess", "truth"), regression_by_sklearn),
    "binary": (BINARY, ("truth", "score"), binary_by_sklearn),
    "multiclass": (Multiclass("truth", "guess"), ("truth", "guess"), multiclass_by_sklearn),
}


@pytest.mark.parametrize("name", SEGMENTED)
def test_segments_equal_scikit_learn_on_their_rows(name: str) -> None:
    """Every figure of a value is scikit-learn's on the rows of that value, and so is the reference's own."""
    task, columns, expected = SEGMENTED[name]
    draw = np.random.default_rng(12)
    sides: dict[str, tuple[Any, Any]] = {
        "regression": (draw.normal(size=900), draw.normal(size=900)),
        "binary": (draw.integers(0, 2, 900), draw.uniform(size=900)),
        "multiclass": (draw.choice(list("abc"), 900), draw.choice(list("abd"), 900)),
    }
    place = draw.choice(["x", "y", "z"], 900, p=[0.7, 0.27, 0.03]).astype("<U3")
    place[600:605] = "new"
    before, now = (
        {
            "place": place[part],
            **{column: side[part] for column, side in zip(columns, sides[name], strict=True)},
        }
        for part in (slice(600), slice(600, None))
    )
    got = segmented(task, now, before)
    for value in ("x", "y", "z", "(other)"):
        for rows, read in ((now, "value"), (before, "reference")):
            chosen = rows["place"] == ("new" if value == "(other)" else value)
            if not chosen.any():
                continue
            told = expected(*(rows[column][chosen] for column in columns))
            for metric, number in told.items():
                plain, _, within = metric.removesuffix("]").partition("[")
                measured = got[f"{plain}[place={value}{', ' if within else ''}{within}]"]
                found = getattr(measured, read)
                assert found == (None if number is None else pytest.approx(number, rel=1e-9, abs=1e-9))
