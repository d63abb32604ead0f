"""Limits from the reference's own blocks: what they hold, and what they say where there are none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import t

from service.core.profile import profile
from service.core.profile.outcome import outcome_days
from service.core.profile.outcome.outcome_days import DAY
from service.core.reference import reference as references
from service.core.reference.outcome_blocks import OutcomeBlockRules
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Binary
from service.methods.measure_window import MeasurePlan, measure
from service.methods.performance.block_spread import Spread
from tests.unit.methods.build import SCHEMA

if TYPE_CHECKING:
    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.reference.reference import Reference

    Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

HOUR = DAY // 24
SCORED = Schema(
    (Column("chance", Kind.NUMERICAL, Role.PREDICTION), Column("churned", Kind.CATEGORICAL, Role.TARGET)),
    Binary("churned", None, "chance", positive=("yes",)),
)


def batch_of(errors: Floats, first_day: int = 0) -> Batch:
    """Return the rows of a regression, one row of `errors` per day."""
    days, rows = errors.shape
    times = (np.repeat(np.arange(days), rows) + first_day) * DAY + np.tile(np.arange(rows), days) * 1_000_000
    columns = {"guess": Numbers(errors.ravel()), "truth": Numbers(np.zeros(errors.size))}
    return Batch(errors.size, times.astype(np.int64), columns)


def made(errors: Floats, rules: OutcomeBlockRules | None = None) -> Reference:
    """Make the reference of a regression with these errors."""
    return references.of(batch_of(errors), SCHEMA, outcome_rules=rules or OutcomeBlockRules())


def plan_of(reference: Reference, *names: str) -> MeasurePlan:
    """Return a plan with the reference's own limits of some metrics."""
    return MeasurePlan(own_limits=names or ("mae", "mean_error")).with_limits_of(reference)


def measured(reference: Reference, current: Profile, *names: str) -> dict[str, Measurement]:
    """Measure a window by the reference's own limits."""
    plan = plan_of(reference, *names)
    found = measure(reference.profile, current, reference.schema, plan, reference.spec)
    return {each.series.metric: each for each in found if each.series.aspect == "performance"}


def window(errors: Floats, first_day: int = 100) -> Profile:
    """Profile a window with these errors."""
    return profile.of(batch_of(errors, first_day), SCHEMA)


def days_of_errors(seed: int, days: int, rows: int, size: float = 1.0, between: float = 0.0) -> Floats:
    """Draw normal errors whose size differs from day to day."""
    draw = np.random.default_rng(seed)
    return draw.normal(0.0, size * np.exp(between * draw.normal(size=(days, 1))), (days, rows))


def test_a_worse_window_breaches_and_a_better_one_is_marked() -> None:
    """Beyond the limit on the worse side is a breach; beyond the other one the reason says better."""
    reference = made(days_of_errors(1, 30, 200))
    worse, better, same = (
        measured(reference, window(days_of_errors(2, 7, 200, size)))["mae"] for size in (1.5, 0.5, 1.0)
    )
    assert worse.breached is True
    assert worse.reason is None
    assert worse.threshold is not None
    assert 0.8 < worse.threshold < 0.9
    assert better.breached is False
    assert better.reason == "better than the reference's own blocks explain"
    assert (same.breached, same.reason) == (False, None)


def test_days_that_differ_widen_the_limit() -> None:
    """Where days differ, a window of one day has a wider limit than one of ten."""
    calm, moved = made(days_of_errors(1, 30, 400)), made(days_of_errors(1, 30, 400, between=0.3))
    limits = {}
    for name, reference in (("calm", calm), ("moved", moved)):
        for days in (1, 10):
            found = measured(reference, window(days_of_errors(3, days, 400)))["mae"]
            assert found.threshold is not None
            assert found.reference is not None
            limits[name, days] = found.threshold / found.reference
    assert limits["calm", 10] < limits["calm", 1] < 1.25
    assert limits["moved", 10] < limits["moved", 1]
    assert limits["moved", 1] > 1.8


def test_the_variances_are_those_of_an_analysis_of_variance() -> None:
    """Of a mean, days and rows are told apart as by hand, and the reference's own error is in the limit."""
    errors = days_of_errors(5, 40, 50) + np.random.default_rng(6).normal(0.0, 0.5, (40, 1))
    spread = plan_of(made(errors), "mean_error").limits.metrics["mean_error"]
    assert isinstance(spread, Spread)
    per_row = errors.var(ddof=1) / errors.size
    between = (errors.mean(axis=1).var(ddof=0) - 39 * per_row) / (1 - 1 / 40)
    assert spread.between == pytest.approx(between)
    assert spread.within == pytest.approx(errors.var(ddof=1) - between)
    independent = replace(spread, correlation=0.0, reference=between / 40 + spread.within / 2_000)
    low, high = independent.limits([50] * 5, 0.01)
    half = np.sqrt(between / 5 + spread.within / 250 + independent.reference)
    half *= t.ppf(0.99, spread.freedom)
    assert high == pytest.approx(spread.value + half, rel=1e-3)
    assert low == pytest.approx(spread.value - half, rel=1e-3)


def test_a_mean_error_is_judged_both_ways_and_towards_zero_it_is_better() -> None:
    """Away from zero on either side is worse; a reference that is off by 5 has a better side."""
    errors = days_of_errors(7, 30, 100)
    for shift in (1.0, -1.0):
        assert measured(made(errors), window(days_of_errors(8, 5, 100) + shift))["mean_error"].breached
    off = made(errors + 5.0)
    nearer = measured(off, window(days_of_errors(8, 5, 100) + 3.0))["mean_error"]
    assert (nearer.breached, nearer.reason) == (False, "better than the reference's own blocks explain")
    assert measured(off, window(days_of_errors(8, 5, 100) + 7.0))["mean_error"].breached is True
    assert measured(off, window(days_of_errors(8, 5, 100) - 7.0))["mean_error"].breached is True


@pytest.mark.parametrize(("rows", "better"), [(5, False), (300, True)])
def test_five_right_answers_of_five_are_not_better(rows: int, better: bool) -> None:
    """With a reference that is right in nine of ten, half of such windows have no wrong answer."""

    def answers(right: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], first_day: int) -> Batch:
        days, count = right.shape
        truth = np.arange(right.size) % 2
        times = (np.repeat(np.arange(days), count) + first_day) * DAY
        chance = np.where(right.ravel(), truth, 1 - truth) * 0.8 + 0.1
        labels = Labels(truth, np.array(["no", "yes"]))
        return Batch(right.size, times.astype(np.int64), {"chance": Numbers(chance), "churned": labels})

    draw = np.random.default_rng(3)
    known = answers(draw.random((30, 100)) < 0.9, 0)
    reference = references.of(known, SCORED, outcome_rules=OutcomeBlockRules())
    now = profile.of(answers(np.ones((1, rows), dtype=np.bool_), 50), reference.schema)
    found = measured(reference, now, "accuracy")["accuracy"]
    assert found.value == 1.0
    assert ("better" in (found.reason or "")) is better


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_mean_error_between_zero_and_the_references_own_is_no_breach(sign: float) -> None:
    """A reference that is a little off, with 0 within its limits, has nothing between itself and 0 to say."""
    reference = made(days_of_errors(7, 30, 100, 5.0) + sign * 0.3)
    spread = plan_of(reference, "mean_error").limits.metrics["mean_error"]
    assert isinstance(spread, Spread)
    low, high = spread.limits([100] * 5, 0.0025)
    assert low < 0.0 < high
    errors = days_of_errors(8, 5, 100, 5.0)
    for target in (spread.value, 0.9 * spread.value, 0.0, 0.9 * low, 0.9 * high):
        found = measured(reference, window(errors - errors.mean() + target))["mean_error"]
        assert found.breached is False, (target, found.threshold)
    for target in (1.1 * low, 1.1 * high):
        assert measured(reference, window(errors - errors.mean() + target))["mean_error"].breached


def test_fewer_than_eight_days_give_no_limit() -> None:
    """A reference of three days has the reason in place of a limit, and the value all the same."""
    found = measured(made(days_of_errors(1, 3, 500)), window(days_of_errors(2, 2, 100)))["mae"]
    assert found.value is not None
    assert (found.threshold, found.breached) == (None, None)
    assert found.reason == (
        "no limit of the reference's own: the reference has 3 days with labels, and 8 are needed"
    )


def test_a_reference_without_times_is_judged_by_runs() -> None:
    """Rows without times are cut into runs in the order of their arrival."""
    errors = days_of_errors(1, 30, 100)
    reference = made(errors, OutcomeBlockRules(timed=False))
    limits = plan_of(reference).limits
    assert limits.run_rows == 63
    assert limits.window(None, 200) == (63, 63, 63, 11)
    assert measured(reference, window(days_of_errors(2, 2, 100, 1.5)))["mae"].breached is True


def test_windows_shorter_than_a_day_are_judged_by_stretches_of_their_length() -> None:
    """Where the error depends on the hour, an hour is no sample of its day and has a limit of its own."""
    draw = np.random.default_rng(9)
    hourly = np.tile(np.where(np.arange(24) < 12, 0.5, 2.0).repeat(20), (20, 1)) * draw.normal(size=(20, 480))
    batch = batch_of(hourly)
    times = np.repeat(np.arange(20 * 24), 20) * HOUR
    reference = references.of(
        replace(batch, event_time=times.astype(np.int64)),
        SCHEMA,
        outcome_rules=OutcomeBlockRules(window=HOUR),
    )
    hour = window(2.0 * draw.normal(size=(1, 20)))
    assert measured(reference, hour)["mae"].breached is False
    assert measured(reference, window(40.0 * draw.normal(size=(1, 20))))["mae"].breached is True


def test_scores_that_rank_worse_breach() -> None:
    """Ratio and rank metrics are judged by leaving out days."""
    draw = np.random.default_rng(10)

    def rows(days: int, noise: float) -> Batch:
        truth = draw.integers(0, 2, days * 200)
        chance = np.clip(0.5 + 0.2 * (2 * truth - 1) + noise * draw.normal(size=len(truth)), 0.01, 0.99)
        times = np.repeat(np.arange(days), 200) * DAY
        labels = Labels(truth, np.array(["no", "yes"]))
        return Batch(len(truth), times.astype(np.int64), {"chance": Numbers(chance), "churned": labels})

    reference = references.of(rows(20, 0.2), SCORED, outcome_rules=OutcomeBlockRules())
    for noise, breached in ((0.2, False), (0.6, True)):
        now = profile.of(rows(7, noise), reference.schema)
        found = measured(reference, now, "roc_auc", "brier", "accuracy")
        assert {found[name].breached for name in ("roc_auc", "brier", "accuracy")} == {breached}


def test_a_window_whose_days_were_not_kept_has_the_reason() -> None:
    """Panes of an earlier build say nothing of days: no limit, and why."""
    now = window(days_of_errors(2, 2, 100))
    now = replace(
        now, parts={name: part for name, part in now.parts.items() if name != outcome_days.PART.name}
    )
    found = measured(made(days_of_errors(1, 30, 100)), now)["mae"]
    assert (found.threshold, found.breached) == (None, None)
    assert found.reason is not None
    assert found.reason.startswith("no limit of the reference's own: the window's days were not kept")


def test_a_written_limit_is_judged_by_a_band_for_days_that_differ() -> None:
    """Rows of a day go together: a window whose truth lies at the limit breaches only as often as asked."""
    breaches = 0
    for seed in range(200):
        reference = made(days_of_errors(2 * seed, 20, 100, between=0.3))
        truth = float(np.sqrt(2 / np.pi) * np.exp(0.3**2 / 2))
        plan = MeasurePlan(performance={"mae": truth}).with_limits_of(reference)
        now = window(days_of_errors(2 * seed + 1, 3, 100, between=0.3))
        found = measure(reference.profile, now, reference.schema, plan, reference.spec)
        (mae,) = (each for each in found if each.series.metric == "mae")
        breaches += bool(mae.breached)
        if mae.breached is False and mae.value is not None and mae.value > truth:
            assert mae.reason is not None
            assert "for a false-alarm rate of 1 % and for days that differ, reaches back" in mae.reason
    assert breaches <= 7
