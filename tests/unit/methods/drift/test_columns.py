from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import profile
from service.core.rows.schema import Column, Kind, Schema
from service.errors import ConfigurationError
from service.methods.drift import columns
from service.methods.drift.columns import DriftPlan, VerdictRule, measure_drift
from tests.unit.methods.build import SCHEMA, rows

REFERENCE = rows(
    size=list(np.linspace(0.0, 10.0, 200)),
    colour="red" * 60 + "blu" * 6 + "ab",
    guess=list(np.linspace(5.0, 9.0, 200)),
    truth=list(np.linspace(5.0, 9.0, 200)),
)
SHIFTED = rows(
    size=list(np.linspace(20.0, 30.0, 100)),
    colour="red" * 30 + "blu" * 3 + "a",
    guess=list(np.linspace(5.0, 9.0, 100)),
    truth=[math.nan] * 100,
)


def by_name(measurements: tuple[Measurement, ...]) -> dict[tuple[str, str, str], Measurement]:
    """Index measurements by column, metric and definition."""
    return {(m.series.column, m.series.metric, m.series.definition): m for m in measurements}


def test_every_column_has_its_default_method_and_a_verdict():
    """Features, prediction and target are each measured by Evidently's default, with a verdict."""
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, DriftPlan()))
    size = got["size", "ks", "evidently"]
    assert (size.series.aspect, size.series.worse, size.series.unit) == (Aspect.DRIFT, Worse.LOWER, "p-value")
    assert (size.breached, size.threshold, size.rows, size.error_bound) == (True, 0.05, 100, None)
    assert got["guess", "ks", "evidently"].breached is False
    assert got["colour", "chisquare", "evidently"].value is not None


def test_a_column_that_cannot_be_measured_is_left_out_of_the_share():
    """An all-missing column has a reason, and the drift share counts the measured columns only."""
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, DriftPlan()))
    truth = got["truth", "ks", "evidently"]
    assert (truth.value, truth.breached, truth.reason) == (None, None, "no value in the window")
    share, count = got["", "drift_share", ""], got["", "drifted_columns", ""]
    measured = [m for (column, _, _), m in got.items() if column and m.value is not None]
    assert len(measured) == 3
    assert count.value == sum(bool(m.breached) for m in measured)
    assert share.value == pytest.approx(count.value / 3)
    assert share.rows == 100


def test_no_measurable_column_is_a_reason():
    """Where nothing could be measured the count and the share have no value but a reason."""
    got = by_name(measure_drift(REFERENCE, profile.empty(SCHEMA), SCHEMA, DriftPlan()))
    for metric in ("drift_share", "drifted_columns"):
        assert got["", metric, ""].value is None
        assert got["", metric, ""].reason == "no column could be measured"


@pytest.mark.parametrize(("share", "breached"), [(1 / 3, True), (0.34, False)])
def test_the_share_is_breached_at_its_threshold(share: float, breached: bool):
    """A drift share equal to the plan's is a breach."""
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, DriftPlan(share=share)))
    assert got["", "drift_share", ""].value == pytest.approx(1 / 3)
    assert got["", "drift_share", ""].breached is breached


@pytest.mark.parametrize(
    ("methods", "verdict", "drifted"),
    [
        (("wasserstein", "psi"), VerdictRule.FIRST, 1.0),
        (("psi", "wasserstein"), VerdictRule.FIRST, 0.0),
        (("psi", "wasserstein"), VerdictRule.ANY, 1.0),
    ],
)
def test_a_column_drifts_by_its_first_method_or_by_any(
    methods: tuple[str, ...], verdict: VerdictRule, drifted: float
):
    """One column moved; PSI's threshold is out of reach, so it depends on who decides."""
    plan = DriftPlan(methods, {"colour": ("psi",)}, verdict, thresholds={"psi": 1e9})
    assert (
        by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, plan))["", "drifted_columns", ""].value == drifted
    )


def test_methods_that_do_not_suit_a_kind_are_left_out():
    """A method for all columns measures those that it suits; a column that none suits has its default."""
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, DriftPlan(("wasserstein",))))
    assert ("size", "wasserstein", "evidently") in got
    assert ("colour", "chisquare", "evidently") in got


@pytest.mark.parametrize("name", ["chisquare", "chisquare:robust", "z", "z:robust"])
def test_a_test_of_categories_named_for_all_leaves_numbers_out_and_says_so(name: str):
    """Continuous numbers would have p = 0 in every window: there is a reason, and no verdict of it."""
    plan = DriftPlan(("ks", name))
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, plan))
    metric, _, definition = name.partition(":")
    skipped = got["size", metric, definition or "evidently"]
    assert (skipped.value, skipped.breached, skipped.threshold, skipped.decides) == (None, None, None, False)
    assert str(skipped.reason).startswith(f"left out: {metric} counts distinct values, and size is numerical")
    assert got["size", "ks", "evidently"].breached is True
    assert got["colour", metric, definition or "evidently"].value is not None
    assert got["", "drift_share", ""].value == 1 / 3


def test_a_test_of_categories_measures_numbers_where_it_was_chosen_for_them():
    """`default` chooses it where values are few, and a column's own entry names it: both are measured."""
    few = rows(size=[1.0, 2.0, 3.0] * 20)
    for plan in (DriftPlan(("default", "chisquare")), DriftPlan(by_column={"size": ("chisquare",)})):
        measured = [m for m in measure_drift(few, few, SCHEMA, plan) if m.series.column == "size"]
        assert [(m.series.metric, m.value) for m in measured] == [("chisquare", 1.0)]
        assert columns.left_out(DriftPlan(by_column={"size": ("chisquare",)}), SCHEMA.columns[0]) == ()


def test_a_share_of_some_columns_says_of_how_many():
    """With one of four columns measured the share is that one's, and the reason says so beside the value."""
    alone = rows(size=list(np.linspace(0.0, 10.0, 100)))
    got = by_name(measure_drift(REFERENCE, alone, SCHEMA, DriftPlan()))
    for metric in ("drift_share", "drifted_columns"):
        assert got["", metric, ""].value == 0.0
        assert got["", metric, ""].reason == "1 of 4 columns could be measured"
    whole = by_name(measure_drift(REFERENCE, REFERENCE, SCHEMA, DriftPlan()))
    assert whole["", "drift_share", ""].reason is None


def test_a_series_is_measured_once():
    """A method that is named twice, or is the default as well, gives one measurement."""
    plan = DriftPlan(("default", "ks", "ks:evidently", "psi:robust", "psi"))
    measured = measure_drift(REFERENCE, SHIFTED, SCHEMA, plan)
    series = [m.series for m in measured]
    assert len(series) == len(set(series))
    names = [f"{s.metric}:{s.definition}" for s in series if s.column == "size"]
    assert names == ["ks:evidently", "psi:robust", "psi:evidently"]


def test_the_threshold_of_a_definition_wins():
    """`psi` sets the threshold of both definitions, `psi:robust` that of its own."""
    plan = DriftPlan(("psi", "psi:robust"), thresholds={"psi": 0.3, "psi:robust": 0.2})
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, plan))
    assert got["size", "psi", "evidently"].threshold == 0.3
    assert got["size", "psi", "robust"].threshold == 0.2


def test_a_method_named_for_a_column_must_suit_it():
    """Measuring by a method that the plan gives the wrong column is refused, not skipped."""
    with pytest.raises(ConfigurationError, match="does not measure categorical"):
        measure_drift(REFERENCE, SHIFTED, SCHEMA, DriftPlan(by_column={"colour": ("ks",)}))


def test_withheld_series_are_those_of_a_full_window():
    """A window whose numbers are withheld has the same series, each with the reason."""
    full = measure_drift(REFERENCE, SHIFTED, SCHEMA, DriftPlan())
    none = measure_drift(REFERENCE, SHIFTED, SCHEMA, DriftPlan(), withheld="too few")
    assert [m.series for m in none] == [m.series for m in full]
    assert {(m.value, m.breached, m.reason) for m in none} == {(None, None, "too few")}


def test_compressed_columns_carry_an_error_bound():
    """A column above the limit of distinct values has the bound of its error beside its value."""
    schema = Schema((Column("size", Kind.NUMERICAL),))
    draw = np.random.default_rng(3)
    sides = (rows(size=list(draw.normal(size=1_500)), schema=schema) for _ in range(2))
    compressed = [profile.merge([side, profile.empty(schema)], limit=200) for side in sides]
    got = by_name(measure_drift(*compressed, schema, DriftPlan()))["size", "wasserstein", "evidently"]
    assert got.error_bound is not None
    assert 0.0 < got.error_bound < 0.5


def test_one_column_s_failure_is_its_own_reason():
    """Values that no number can hold the distance of give that column a reason; the others are measured."""
    broken = rows(size=[1e308] * 50 + [-1e308] * 50, guess=list(np.linspace(5.0, 9.0, 100)))
    plan = DriftPlan(("wasserstein",))
    got = by_name(measure_drift(broken, broken, SCHEMA, plan))
    assert "larger than a number can hold" in str(got["size", "wasserstein", "evidently"].reason)
    assert got["guess", "wasserstein", "evidently"].value == 0.0


def test_only_what_could_measure_a_column_is_left_out_of_it():
    """A method that does not suit a kind is no series; one that would mislead says so, with its rows."""
    size, colour = SCHEMA.columns[:2]
    plan = DriftPlan(("wasserstein", "chisquare", "ks"))
    assert [method.full_name for method in columns.left_out(plan, size)] == ["chisquare:evidently"]
    assert columns.left_out(plan, colour) == ()
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, plan))
    assert got["size", "chisquare", "evidently"].rows == 100
    assert ("colour", "wasserstein", "evidently") not in got


@pytest.mark.parametrize("withheld", [None, "too few"])
def test_a_second_opinion_stays_one_without_a_value(withheld: str | None):
    """Withheld or not measurable, it decides nothing, so that its reason is no gap in the share."""
    plan = DriftPlan(by_column={"truth": ("ks", "wasserstein")}, verdict=VerdictRule.FIRST)
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, plan, withheld=withheld))
    first, second = got["truth", "ks", "evidently"], got["truth", "wasserstein", "evidently"]
    assert (first.value, first.decides) == (None, True)
    assert (second.value, second.decides, second.threshold) == (None, False, 0.1)


def test_how_many_columns_have_drifted_has_its_units():
    """The count is of columns and gets worse upwards, as the share does."""
    count, share = columns.of_columns([], 0.5, 7)
    assert (count.series.unit, share.series.unit) == ("columns", "share")
    assert (count.series.worse, share.series.worse) == (Worse.HIGHER, Worse.HIGHER)
    assert (count.rows, count.threshold, share.rows, share.threshold) == (7, None, 7, 0.5)


def test_drifted_columns_are_counted_again_by_segment():
    """Each segment's count and share come from its own columns; what was no drift of one stays as it was."""

    def of(segment: str, *breached: bool) -> list[Measurement]:
        drift = [
            Measurement(Series(Aspect.DRIFT, "ks", f"c{at}", segment), 0.1, 9, None, 0.05, flag)
            for at, flag in enumerate(breached)
        ]
        count = Series(Aspect.DRIFT, columns.COUNT, segment=segment, unit="columns")
        share = Series(Aspect.DRIFT, columns.SHARE, segment=segment, unit="share")
        return [*drift, Measurement(count, 0.0, 9), Measurement(share, 0.0, 9, None, 0.5, False)]

    quality = Measurement(Series(Aspect.QUALITY, columns.SHARE, "c0"), 0.3, 9, None, 0.1, True)
    before = [*of("", True, True, False), *of("north", False, True, False), quality]
    after = columns.recounted(before)
    assert [m.series for m in after] == [m.series for m in before]
    found = {(m.series.segment, m.series.metric): m for m in after if not m.series.column}
    assert found["", columns.COUNT].value == 2.0
    assert (found["", columns.SHARE].value, found["", columns.SHARE].breached) == (2 / 3, True)
    assert found["north", columns.COUNT].value == 1.0
    north = found["north", columns.SHARE]
    assert (north.value, north.breached, north.threshold) == (1 / 3, False, 0.5)
    assert after[-1] == quality
    assert [m for m in after if m.series.metric == "ks"] == [m for m in before if m.series.metric == "ks"]


def test_where_alarms_have_a_rate_methods_have_no_threshold():
    """The values are the same; what decides, and is counted, is the measurement that was judged already."""
    named = DriftPlan(("ks", "psi"), thresholds={"ks": 0.2, "psi": 0.3})
    rated = replace(named, false_alarm_rate=0.01)
    series = Series(Aspect.DRIFT, "block_test", "size", unit="p-value", worse=Worse.LOWER)
    judged = Measurement(series, 0.001, 10, threshold=0.01, breached=True)
    got = by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, rated, judged=[judged]))
    for key, each in by_name(measure_drift(REFERENCE, SHIFTED, SCHEMA, named)).items():
        if key[0]:
            assert (got[key].value, got[key].threshold, got[key].breached) == (each.value, None, None)
            assert not got[key].decides
    assert got["", columns.COUNT, ""].value == 1.0
    assert got["", columns.SHARE, ""].value == 1.0
