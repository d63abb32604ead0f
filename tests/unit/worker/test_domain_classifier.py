"""The domain classifier sees what no column shows alone, and its numbers are a function of the rows.

In the test's own process: it needs no Evidently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from service.core.profile import profile
from service.core.reference import reference
from service.core.rows.batch import Batch, ColumnRows, Labels, Numbers, Texts
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.worker_call import WorkerFunction
from service.methods.drift import in_worker
from service.methods.drift.columns import DriftPlan
from service.methods.drift.domain_classifier import AUC, IMPORTANCE
from service.methods.measure_window import MeasurePlan, measure, settle
from service.worker.domain_classifier import standard_error, tell_apart, threshold_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("weight", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("comment", Kind.TEXT),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
pytestmark = pytest.mark.usefixtures("_one_thread")
PLAN = MeasurePlan(DriftPlan(("ks",), multivariate=("domain_classifier",)))


def rows(seed: int, *, correlation: float = 0.8, count: int = 400, **changed: ColumnRows) -> Batch:
    """Draw rows whose sizes and weights go together; each alone follows one law for any correlation."""
    draw = np.random.default_rng(seed)
    size, noise = draw.normal(size=(2, count))
    weight = correlation * size + np.sqrt(1.0 - correlation**2) * noise
    comments = draw.choice(np.array(["", "a word", "two words", None], dtype=object), count)
    columns: dict[str, ColumnRows] = {
        "size": Numbers(size),
        "weight": Numbers(weight),
        "colour": Labels(draw.integers(-1, 3, count), np.array(["blue", "green", "red"])),
        "comment": Texts(comments),
        "truth": Numbers(np.full(count, 1.0 * seed)),  # which alone would tell all
    }
    return Batch(count, np.arange(count, dtype=np.int64), columns | changed).numbered(0)


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """As in the worker process, whose environment says so: threads for few rows cost more than they give."""
    with threadpool_limits(1):
        yield


def columns(before: Batch, after: Batch) -> dict[str, tuple[ColumnRows, ColumnRows]]:
    return {name: (before.columns[name], after.columns[name]) for name in SCHEMA.names if name != "truth"}


def test_a_flipped_correlation_is_seen_where_every_column_looks_as_before() -> None:
    """With equal marginals the KS test of each column is silent; the classifier is not, and names the two."""
    made = reference.of(rows(1), SCHEMA, sample_rows=400)
    current = profile.of(rows(4, correlation=-0.8), SCHEMA, made.spec)
    waiting = measure(made.profile, current, SCHEMA, PLAN)
    (call,) = in_worker.calls(waiting)
    assert call.function is WorkerFunction.DOMAIN_CLASSIFIER
    found = settle(waiting, {call: tell_apart(*call.arguments)})
    by_name = {(m.series.metric, m.series.column): m for m in found}
    assert not any(by_name["ks", column].breached for column in ("size", "weight", "comment"))
    auc = by_name[AUC, ""]
    assert (auc.breached, auc.reference, auc.rows) == (True, 0.5, 400)
    assert auc.value > 0.8
    assert auc.low < auc.value < auc.high
    importance = {column: m.value for (metric, column), m in by_name.items() if metric == IMPORTANCE}
    assert set(importance) == {"size", "weight", "colour", "comment"}
    top = sorted(importance, key=lambda column: -importance[column])
    assert set(top[:2]) == {"size", "weight"}
    assert importance["colour"] < 0.1 < importance["weight"]


def test_rows_of_one_law_are_not_told_apart() -> None:
    """Rows drawn alike stay near 0.5, below the threshold, and every number has its band."""
    answer = tell_apart(columns(rows(1), rows(3)), True)[""]
    assert answer.value == pytest.approx(0.5, abs=0.06)
    assert answer.value < answer.threshold
    assert answer.low < 0.5 < answer.high


def test_equal_rows_give_equal_numbers() -> None:
    """Nothing is drawn that was not seeded: asked twice, the answers are equal bit for bit."""
    asked = columns(rows(1), rows(2, correlation=0.5))
    assert tell_apart(asked, True) == tell_apart(asked, True)


@pytest.mark.parametrize("name", ["size", "colour", "comment"])
def test_a_column_that_goes_missing_tells_the_sides_apart(name: str) -> None:
    """Missing values, new categories and infinities are taken as they are; a column of them stands out."""
    gone = {
        "size": Numbers(np.where(np.arange(400) % 2, np.nan, np.inf)),
        "colour": Labels(np.arange(400) % 300, np.array([f"new{i:03}" for i in range(300)])),
        "comment": Texts(np.full(400, None, dtype=object)),
    }
    answers = tell_apart(columns(rows(1), rows(2, **{name: gone[name]})), True)
    assert answers[""].value > 0.7
    assert max(answers, key=lambda key: answers[key].value if key else 0.0) == name


@pytest.mark.parametrize("known", [0, 1])
@pytest.mark.parametrize("name", ["size", "colour", "comment"])
def test_a_column_without_values_takes_no_part(name: str, known: int) -> None:
    """A column that says nothing on either side, or only in one row, costs the others nothing."""
    there = np.arange(400) < known
    silent: dict[str, ColumnRows] = {
        "size": Numbers(np.where(there, 1.0, np.nan)),
        "colour": Labels(np.where(there, 0, -1), np.array(["blue"])),
        "comment": Texts(np.where(there, np.array("a", dtype=object), None)),
    }
    nothing: dict[str, ColumnRows] = {
        "size": Numbers(np.full(400, np.nan)),
        "colour": Labels(np.full(400, -1), np.array([], dtype=str)),
        "comment": Texts(np.full(400, None, dtype=object)),
    }
    before, after = rows(1, **{name: silent[name]}), rows(4, correlation=-0.8, **{name: nothing[name]})
    answers = tell_apart(columns(before, after), True)
    assert answers[name].value == pytest.approx(0.0, abs=0.01)
    if name != "size":
        assert answers[""].value > 0.8


def test_the_standard_error_is_that_of_the_auc() -> None:
    """Hanley and McNeil's formula is what AUCs of drawn scores scatter by; without skill it is exact."""
    draw = np.random.default_rng(5)
    sides = np.repeat([0, 1], [80, 50])
    scores = draw.exponential(1.0 + sides, (2_000, 130))
    drawn = (scores[:, :80, None] < scores[:, None, 80:]).mean(axis=(1, 2))
    assert np.std(drawn) == pytest.approx(standard_error(float(np.mean(drawn)), 80, 50), rel=0.1)
    assert standard_error(0.5, 80, 50) == pytest.approx(np.sqrt(131 / (12 * 80 * 50)), rel=0.01)


def test_small_samples_have_a_wider_threshold() -> None:
    """The threshold is 0.55, and three standard errors above 0.5 where rows are few; a plan's own holds."""
    assert threshold_for(5_000, 5_000) == 0.55
    assert threshold_for(60, 60) > 0.65
    assert tell_apart(columns(rows(1, count=60), rows(2, count=60)), False)[""].threshold is None


@pytest.mark.parametrize(
    ("count", "sample", "reason"),
    [(20, 400, "20 sampled rows in the window, fewer than 50"), (400, 0, "sample_rows is 0")],
)
def test_too_few_rows_are_a_reason_without_asking(count: int, sample: int, reason: str) -> None:
    """Every series of the classifier says why it has no value, and the worker is not asked."""
    made = reference.of(rows(1), SCHEMA, sample_rows=sample)
    current = profile.of(rows(2, count=count), SCHEMA, made.spec)
    found = [m for m in measure(made.profile, current, SCHEMA, PLAN) if m.series.metric in {AUC, IMPORTANCE}]
    assert len(found) == 5
    assert all(m.value is None and reason in (m.reason or "") for m in found)
    assert in_worker.calls(found) == []
