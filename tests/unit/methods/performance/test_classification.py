from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.measurement import Worse
from service.core.profile import distribution
from service.core.rows.batch import Labels, Numbers
from service.core.rows.class_labels import class_labels, is_one_of
from service.core.rows.task import TRUE_LIKE, Binary, Multiclass
from service.methods.performance import ranking
from service.methods.performance.registry import metrics_of
from tests.unit.methods.build import performance

SCORED = Binary("truth", score="score")
LABELLED = Binary("truth", "guess", positive=("yes",))
CLASSES = Multiclass("truth", "guess")


def test_a_score_at_the_threshold_is_positive() -> None:
    """Without predicted labels the declared threshold makes them, itself included."""
    columns = {"truth": [1.0, 1.0, 0.0, 0.0], "score": [0.3, 0.29, 0.3, 0.1]}
    got = performance(Binary("truth", score="score", threshold=0.3), columns)
    assert [got[name].value for name in ("accuracy", "precision", "recall", "f1")] == [0.5, 0.5, 0.5, 0.5]
    assert performance(SCORED, columns)["recall"].value == 0.0


def test_what_is_not_defined_has_a_reason_and_is_never_zero() -> None:
    """No row predicted positive, none positive, one class alone: each says so."""
    got = performance(LABELLED, {"truth": ["no", "no"], "guess": ["no", "no"]})
    reasons = {name: m.reason for name, m in got.items() if m.value is None}
    assert reasons == {
        "mcc": "no row is positive: nothing to correlate",
        "precision": "no row was predicted to be of the class",
        "recall": "no row is of the class",
        "f1": "no row is or was predicted to be of the class",
    }
    alone = performance(SCORED, {"truth": [1.0, 1.0], "score": [0.3, 0.6]})
    assert alone["roc_auc"].reason == "every row is positive; both are needed"
    none = performance(SCORED, {"truth": [0.0], "score": [0.3]})
    assert none["pr_auc"].reason == "every row is negative; a positive one is needed"


def test_no_recall_is_a_number_where_it_was_tried() -> None:
    """Zero of some is zero: the model missed every positive row."""
    got = performance(LABELLED, {"truth": ["yes", "no"], "guess": ["no", "yes"]})
    assert [got[name].value for name in ("accuracy", "precision", "recall", "f1")] == [0.0, 0.0, 0.0, 0.0]


def test_rows_without_a_label_count_for_the_predicted_rate_alone() -> None:
    """The predicted positive rate needs no labels; the observed one rests on them."""
    got = performance(LABELLED, {"truth": ["yes", None, None, None], "guess": ["yes", "yes", "no", None]})
    assert (got["positive_rate"].value, got["positive_rate"].rows) == (2 / 3, 3)
    assert (got["observed_positive_rate"].value, got["observed_positive_rate"].rows) == (1.0, 1)
    assert got["pending_rows"].value == 2.0


@pytest.mark.parametrize(("rate", "breached"), [(0.2, True), (0.4, False), (0.5, False), (0.8, True)])
def test_a_rate_is_compared_with_the_reference_s(rate: float, breached: bool) -> None:
    """A positive rate breaches where it lies the threshold or more away from the reference's, either way."""
    guess = ["yes"] * round(2000 * rate) + ["no"] * round(2000 - 2000 * rate)
    reference = {"truth": ["yes", "no"], "guess": ["yes", "no"]}
    got = performance(
        LABELLED,
        {"truth": ["no"] * 2000, "guess": guess},
        reference,
        {"positive_rate": 0.25, "accuracy": 0.5},
    )
    assert (got["positive_rate"].breached, got["positive_rate"].reference) == (breached, 0.5)
    assert got["accuracy"].breached is (1.0 - rate < 0.5)


def test_a_rate_without_a_reference_is_not_judged() -> None:
    """With nothing to compare with there is a value and no verdict."""
    reference: dict[str, list[str | None]] = {"truth": [None], "guess": [None]}
    got = performance(LABELLED, {"truth": ["no"], "guess": ["yes"]}, reference, {"positive_rate": 0.1})
    assert (got["positive_rate"].value, got["positive_rate"].breached) == (1.0, None)


def test_one_improper_score_leaves_the_ranking() -> None:
    """A score above 1 is no probability: no log loss, Brier or calibration error, but an AUC."""
    got = performance(SCORED, {"truth": [0.0, 1.0, 1.0], "score": [0.2, 0.9, 1.5]})
    assert got["roc_auc"].value == 1.0
    for name in ("log_loss", "brier", "calibration_error"):
        assert got[name].reason == "1 scores lie outside 0 to 1, where a probability must lie"


def test_missing_scores_are_left_out() -> None:
    """Rows without a score are not guessed; the figures say on how many rows they rest."""
    task = Binary("truth", "guess", "score")
    columns = {
        "truth": [0.0, 1.0, 1.0],
        "guess": [0.0, 1.0, 1.0],
        "score": [math.nan, 0.25, math.inf],
    }
    got = performance(task, columns)
    assert (got["brier"].value, got["brier"].rows, got["accuracy"].rows) == (0.5625, 1, 3)
    columns["score"] = [math.nan] * 3
    assert performance(task, columns)["roc_auc"].reason == "no labelled row has a score"


def test_a_class_of_the_reference_stays_when_it_is_gone() -> None:
    """Each class of either side has its series in both, with a reason where it has no rows."""
    reference = {"truth": ["a", "b"], "guess": ["a", "b"]}
    got = performance(CLASSES, {"truth": ["a", *["c"] * 20], "guess": ["a"] * 21}, reference, {"recall": 0.5})
    assert got["recall[class=b]"].reason == "no row is of the class; its threshold of 0.5 is not judged"
    assert got["precision[class=b]"].reason == "no row was predicted to be of the class"
    assert got["recall[class=b]"].reference == 1.0
    assert (got["recall[class=c]"].value, got["recall[class=c]"].reference) == (0.0, None)
    assert (got["recall[class=a]"].breached, got["recall[class=c]"].breached) == (False, True)
    empty = performance(CLASSES, {"truth": [], "guess": []}, reference)
    assert {name: m.reason for name, m in empty.items()}["f1[class=a]"] == "no labels yet"


def test_too_many_classes_leave_the_accuracy() -> None:
    """Past the cap on classes the accuracy is still exact and the rest says why not."""
    names = [f"user {number}" for number in range(101)]
    got = performance(CLASSES, {"truth": names, "guess": names})
    assert got["accuracy"].value == 1.0
    assert got["f1_macro"].reason == "more than 100 classes; expected columns of fewer labels"
    assert not any("class=" in name for name in got)


def test_a_class_without_scores_is_named() -> None:
    """A true class that no column of scores is declared for leaves no log loss, with the reason."""
    task = Multiclass("truth", "guess", (("a", "p_a"),))
    got = performance(task, {"truth": ["a", "b"], "guess": ["a", "a"], "p_a": [0.5, 0.5]})
    assert got["log_loss"].reason == "1 rows are of a class that has no column of scores"
    one = performance(task, {"truth": ["a", "a"], "guess": ["a", "a"], "p_a": [0.5, math.nan]})
    assert (one["log_loss"].value, one["log_loss"].rows) == (math.log(2.0), 1)


def test_labels_of_any_type_are_the_same_classes() -> None:
    """A truth value is 1 among numbers and True among texts; what is no number is neither class."""
    numbers = Numbers(np.array([1.0, 0.0, math.nan, math.inf, math.nan]), np.array([False] * 4 + [True]))
    assert is_one_of(class_labels(numbers, 5), TRUE_LIKE).tolist() == [1, 0, -1, -2, -2]
    texts = Labels(np.array([1, 0, -1]), np.array(["False", "True"]))
    assert is_one_of(class_labels(texts, 3), TRUE_LIKE).tolist() == [1, 0, -1]
    assert is_one_of(class_labels(None, 2), TRUE_LIKE).tolist() == [-1, -1]


def test_which_way_each_metric_gets_worse() -> None:
    """Losses get worse upwards, scores of success downwards."""
    directions = {metric.name: metric.worse for metric in metrics_of(SCORED)}
    assert {n for n, w in directions.items() if w is Worse.HIGHER} == {
        "log_loss",
        "brier",
        "calibration_error",
    }
    assert {n for n, w in directions.items() if w is Worse.BOTH} == {
        "positive_rate",
        "observed_positive_rate",
    }
    assert directions["roc_auc"] is Worse.LOWER


scores = st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=40)


@settings(deadline=None)
@given(scores, scores, st.integers(2, 6))
def test_compressed_scores_keep_their_bounds(
    positive: list[float], negative: list[float], limit: int
) -> None:
    """The areas from compressed scores lie within their bounds of the exact ones."""
    sides = [distribution.of_numbers(np.array(side)) for side in (positive, negative)]
    exact, small = ranking.ranking(*sides), ranking.ranking(*(distribution.compress(s, limit) for s in sides))
    for value, bound in (
        (ranking.roc_auc, ranking.roc_auc_bound),
        (ranking.average_precision, ranking.average_precision_bound),
    ):
        assert bound(exact) is None
        allowed = bound(small)
        assert allowed is not None or not small.compressed
        assert abs(value(exact) - value(small)) <= (allowed or 0.0) + 1e-12
