"""What is far above the reference's own share is breached by default; chance and small changes are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.measurement import Measurement
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods.measure_window import MeasurePlan, measure
from service.methods.quality.limits import QualityLimits, limit_of, measure_rejected
from service.methods.stats.shares import Share

SCHEMA = Schema(
    (Column("x", Kind.NUMERICAL), Column("c", Kind.CATEGORICAL), Column("y", Kind.NUMERICAL, Role.TARGET))
)


def rows(count: int, *, missing: int = 0, unparsable: int = 0, new: int = 0, unlabelled: int = 0) -> Profile:
    """Profile `count` rows of which some are wrong in a way."""
    values, labels, target = np.arange(count) / 7, np.arange(count) % 5, np.arange(count) / 3
    marks = np.zeros(count, dtype=np.bool_)
    marks[missing : missing + unparsable] = True
    values[: missing + unparsable], target[:unlabelled] = np.nan, np.nan
    labels[:new] = 5
    columns = {
        "x": Numbers(values, marks if unparsable else None),
        "c": Labels(labels, np.array(list("abcdeZ"), dtype=np.str_)),
        "y": Numbers(target),
    }
    return profile.of(Batch(count, np.arange(count, dtype=np.int64), columns), SCHEMA)


def verdicts(reference: Profile, current: Profile, plan: MeasurePlan | None = None) -> dict[str, Measurement]:
    """Measure; the measurements of quality by column and metric."""
    found = measure(reference, current, SCHEMA, plan or MeasurePlan())
    return {f"{one.series.column}.{one.series.metric}": one for one in found}


@pytest.mark.parametrize(
    ("before", "now", "breached"),
    [
        ({}, {}, False),
        ({}, {"missing": 500}, True),
        ({}, {"missing": 40}, True),
        ({}, {"missing": 20}, False),
        ({"missing": 300}, {"missing": 150}, False),
        ({"missing": 300}, {"missing": 190}, False),
        ({"missing": 300}, {"missing": 400}, True),
        ({"missing": 1_500}, {"missing": 500}, True),
        ({"missing": 2_000}, {"missing": 500}, False),
    ],
)
def test_a_missing_share_far_above_the_reference_s_is_a_breach(
    before: dict[str, int], now: dict[str, int], breached: bool
) -> None:
    """Of 500 rows against 2,000; a column that was never there cannot vanish."""
    assert verdicts(rows(2_000, **before), rows(500, **now))["x.missing_share"].breached is breached


def test_unparsable_cells_are_never_usual() -> None:
    """A third on both sides is a breach, with both shares in the reason; a few are not."""
    share = verdicts(rows(2_000, unparsable=680), rows(500, unparsable=170))["x.unparsable_share"]
    assert (share.breached, share.reason) == (
        True,
        "34.0 % of the rows hold no number, 34.0 % in the reference; they are left out",
    )
    assert verdicts(rows(2_000), rows(500, unparsable=10))["x.unparsable_share"].breached is False


def test_new_categories_are_judged_by_how_many_the_reference_saw_once() -> None:
    """A closed set of categories breaches by a tenth of new ones, an open one by none."""
    assert verdicts(rows(2_000), rows(500, new=50))["c.new_category_share"].breached is True
    assert verdicts(rows(2_000), rows(500, new=5))["c.new_category_share"].breached is False
    schema = Schema((Column("c", Kind.CATEGORICAL),))
    sides = []
    for start, count in ((0, 2_000), (2_000, 500)):
        names = np.array([f"{place:06}" for place in range(start, start + count)], dtype=np.str_)
        batch = Batch(count, np.zeros(count, dtype=np.int64), {"c": Labels(np.arange(count), names)})
        sides.append(profile.of(batch, schema))
    found = {one.series.metric: one for one in measure(sides[0], sides[1], schema, MeasurePlan())}
    assert (found["new_category_share"].value, found["new_category_share"].breached) == (1.0, False)


def test_labels_that_have_not_come_are_no_breach() -> None:
    """The target may be empty: its rows wait."""
    share = verdicts(rows(2_000), rows(500, unlabelled=500))["y.missing_share"]
    assert (share.value, share.breached) == (1.0, None)


def test_a_window_of_few_rows_is_not_judged_by_default() -> None:
    """Fewer rows than the monitor asks for give a value and no verdict."""
    share = verdicts(rows(2_000), rows(50, missing=50), MeasurePlan(min_rows=100))["x.missing_share"]
    assert (share.value, share.breached) == (1.0, None)


def test_declared_limits_win() -> None:
    """A number, or none, for all columns and for one; other measurements can have one too."""
    plan = MeasurePlan(
        quality=QualityLimits(
            {"missing_share": 0.3, "duplicate_row_share": 0.5, "unparsable_share": None},
            {"x": {"missing_share": None}},
        )
    )
    found = verdicts(rows(2_000), rows(500, missing=450, unparsable=40), plan)
    assert (found["x.missing_share"].threshold, found["x.unparsable_share"].threshold) == (None, None)
    assert (found["c.missing_share"].threshold, found["c.missing_share"].breached) == (0.3, False)
    assert found[".duplicate_row_share"].threshold == 0.5
    other = replace(plan, quality=QualityLimits({"missing_share": 0.3}))
    assert verdicts(rows(2_000), rows(500, missing=200), other)["x.missing_share"].breached is True


def test_rejected_rows_are_a_breach_from_a_twentieth_on() -> None:
    """The share of refused rows is judged as the others are."""
    assert measure_rejected(Share(10, 1_000), QualityLimits()).breached is False
    assert measure_rejected(Share(100, 1_000), QualityLimits()).breached is True
    assert measure_rejected(Share(100, 1_000), QualityLimits({"rejected_share": 0.2})).breached is False
    assert measure_rejected(Share(0, 0), QualityLimits()).value is None


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("count", [30, 100, 1_000, 10_000])
def test_chance_alone_does_not_alarm(share: float, count: int) -> None:
    """Of 2,000 pairs drawn from one distribution at most one passes the limit."""
    random = np.random.default_rng(1)
    before = random.binomial(2_000, share, size=2_000)
    now = random.binomial(count, share, size=2_000) / count
    limits = np.array([limit_of(Share(int(found), 2_000), count) for found in before])
    assert (now > limits).sum() <= 1
    if share < 0.9 or count > 100:  # else chance explains that all are affected
        assert (limits < 1.0).all()
