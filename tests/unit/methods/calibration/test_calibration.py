from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from service.core.measurement import Worse
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import ConfigurationError
from service.methods.calibration import block_resampling, calibration, window_sizes
from service.methods.calibration import tail as calibration_tail
from service.methods.calibration.calibration import Calibration, calibrate, from_json
from service.methods.calibration.null_distribution import code, form_of
from service.methods.drift.columns import DriftPlan, VerdictRule
from service.methods.drift.registry import METHODS, Method, compute, drifted
from service.methods.stats.unmeasurable import Unmeasurable

HOUR = 3_600_000_000
SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("few", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("same", Kind.NUMERICAL),
    )
)
ROBUST = DriftPlan(("wasserstein:robust", "ks", "psi:robust"))
PAIRS = [(method, kind) for method in METHODS.values() for kind in sorted(method.kinds)]


def reference(rows: int = 3_000, seed: int = 1, *, gaps: bool = False) -> Batch:
    """Make rows an hour apart whose sizes go with the rows before them."""
    draw = np.random.default_rng(seed)
    size = np.convolve(draw.normal(size=rows + 4), np.ones(5), mode="valid").round(2)
    if gaps:
        size[::17], size[5::400], size[7::400] = np.nan, np.inf, -np.inf
    columns: dict[str, Numbers | Labels] = {
        "size": Numbers(size),
        "few": Numbers(draw.integers(0, 7, rows) * 1.0),
        "colour": Labels(draw.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05]) - gaps, np.array(list("bgry"))),
        "same": Numbers(np.full(rows, 3.0)),
    }
    return Batch(rows, np.arange(rows, dtype=np.int64) * HOUR, columns)


def made(plan: DriftPlan = ROBUST, *, rows: int = 200, rate: float = 0.05, seed: int = 3) -> Calibration:
    """Calibrate on the rows above, with few draws."""
    return calibrate(reference(), SCHEMA, plan, rows=rows, rate=rate, seed=seed, block=6, draws=1_500)


def test_a_seed_gives_equal_results_and_another_seed_others():
    """Equal arguments give an equal calibration; another seed draws other windows."""
    assert made() == made()
    assert made().thresholds != made(seed=4).thresholds


@pytest.mark.parametrize(("method", "kind"), PAIRS, ids=lambda value: getattr(value, "full_name", str(value)))
@pytest.mark.parametrize("gaps", [False, True])
def test_many_windows_at_once_give_the_registry_s_numbers(method: Method, kind: Kind, gaps: bool):
    """Every method on counted windows equals the registry's compute on the same rows."""
    batch = reference(2_000, gaps=gaps)
    draws = block_resampling.draw(
        block_resampling.plan(batch.event_time, 120, block=6), 25, np.random.default_rng(8)
    )
    for column in SCHEMA.columns[:3]:
        if column.kind is not kind:
            continue
        coded = code(batch, column)
        form = form_of(method, coded, 120)
        for rows, score in zip(draws, form.scores(coded.counted(draws)), strict=True):
            current = code(batch.take(rows), column).reference
            try:
                expected = compute(method, kind, coded.reference, current)
            except Unmeasurable:
                assert np.isnan(score)
                continue
            if method.name == "ks":  # its way back is for windows without gaps: the next test
                assert not np.isnan(score)
                continue
            assert form.value(score) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_score_of_ks_leads_back_to_its_p_value():
    """Where no row lacks a value, the score's p-value is the method's own."""
    batch = reference()
    coded = code(batch, SCHEMA.columns[0])
    method = METHODS["ks", "evidently"]
    form = form_of(method, coded, 150)
    draws = block_resampling.draw(
        block_resampling.plan(batch.event_time, 150, block=6), 40, np.random.default_rng(2)
    )
    for rows, score in zip(draws, form.scores(coded.counted(draws)), strict=True):
        expected = compute(
            method, Kind.NUMERICAL, coded.reference, code(batch.take(rows), coded.column).reference
        )
        assert form.value(score * (1.0 + 1e-12)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("plan", [DriftPlan(), ROBUST, DriftPlan(("chisquare:robust", "z", "ks"))])
def test_fresh_windows_alarm_as_often_as_asked(plan: DriftPlan):
    """Windows drawn with another seed and measured by the registry alarm at about the rate asked for."""
    batch, calibrated = reference(), made(plan, rate=0.05)
    draws = block_resampling.draw(
        block_resampling.plan(batch.event_time, 200, block=6), 400, np.random.default_rng(44)
    )
    alarmed = np.mean([alarms(calibrated, batch, batch.take(rows)) for rows in draws])
    assert 0.02 <= alarmed <= 0.085


def alarms(calibrated: Calibration, batch: Batch, window: Batch) -> bool:
    """Whether any column of a window is beyond its threshold."""
    by_name = {method.full_name: method for method in METHODS.values()}
    for (name, full), threshold in calibrated.thresholds.items():
        column = next(column for column in SCHEMA.columns if column.name == name)
        sides = code(batch, column).reference, code(window, column).reference
        if full not in by_name or (name, full) in calibrated.uncalibrated:
            continue
        if drifted(by_name[full], compute(by_name[full], column.kind, *sides), threshold):
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("plan", [ROBUST, DriftPlan(("ks", "chisquare:robust"))])
def test_a_rarer_alarm_asks_for_more(plan: DriftPlan):
    """Thresholds move outwards as the rate falls: distances up, p-values down."""
    calibrated = [made(plan, rate=rate) for rate in (0.2, 0.05, 0.001)]
    by_rate = [one.thresholds for one in calibrated]
    worse = {method.full_name: method.worse for method in METHODS.values()}
    for test in by_rate[0]:
        if test in calibrated[0].uncalibrated:
            continue
        values = [thresholds[test] for thresholds in by_rate]
        assert values == sorted(values, reverse=worse[test[1]] is Worse.LOWER)
        assert values[0] != values[-1]


def test_a_constant_column_never_alarms_and_keeps_its_threshold():
    """A constant has no spread to calibrate: its plan's threshold stays, and the reason is given."""
    plan = replace(ROBUST, thresholds={"psi": 0.3})
    calibrated = made(plan)
    assert calibrated.thresholds["same", "psi:robust"] == 0.3
    assert calibrated.thresholds["same", "wasserstein:robust"] == 0.1
    assert calibrated.uncalibrated["same", "psi:robust"] == "the drawn windows do not differ"
    column, method = SCHEMA.columns[3], METHODS["wasserstein", "robust"]
    sides = code(reference(), column).reference, code(reference(50), column).reference
    assert not drifted(
        method, compute(method, Kind.NUMERICAL, *sides), calibrated.thresholds["same", method.full_name]
    )


def test_an_empty_column_has_its_reason():
    """A column without a value is not calibrated and does not stop the others."""
    batch = reference()
    bare = Batch(batch.rows, batch.event_time, {"few": batch.columns["few"]})
    calibrated = calibrate(bare, SCHEMA, ROBUST, rows=100, rate=0.05, seed=1, block=6, draws=500)
    assert calibrated.uncalibrated["size", "psi:robust"] == "no value in the reference"
    assert ("few", "psi:robust") not in calibrated.uncalibrated


def test_the_first_method_alone_or_all_of_them():
    """A column is tested by the methods that decide: all, or the first, whose threshold is then nearer."""
    arguments = {"rows": 200, "rate": 0.05, "seed": 3, "block": 6, "draws": 1_500}
    every = calibrate(reference(), SCHEMA, ROBUST, **arguments)
    first = calibrate(reference(), SCHEMA, replace(ROBUST, verdict=VerdictRule.FIRST), **arguments)
    assert {method for _, method in first.thresholds} == {"wasserstein:robust", "psi:robust"}
    assert first.thresholds["size", "wasserstein:robust"] < every.thresholds["size", "wasserstein:robust"]


@pytest.mark.parametrize(("reference_rows", "rows"), [(50, 400), (1, 10), (3, 2), (30, 1)])
def test_few_rows_and_a_window_larger_than_the_reference(reference_rows: int, rows: int):
    """A small reference gives finite thresholds, also for windows that draw its rows more than once."""
    batch = reference(reference_rows)
    calibrated = calibrate(batch, SCHEMA, DriftPlan(), rows=rows, rate=0.05, seed=1, block=6, draws=300)
    assert len(calibrated.thresholds) == 4
    assert all(math.isfinite(value) for value in calibrated.thresholds.values())
    assert calibrated.alarmed <= 0.05 + 2.0 * math.sqrt(0.05 * 0.95 / 300)


def test_longer_blocks_count_more_of_the_autocorrelation():
    """Rows that go with their neighbours scatter more in blocks: the threshold rises."""
    short, long = (
        calibrate(reference(), SCHEMA, ROBUST, rows=200, rate=0.05, seed=1, block=b, period=0, draws=1_500)
        for b in (1, 40)
    )
    test = ("size", "wasserstein:robust")
    assert long.thresholds[test] > 1.5 * short.thresholds[test]
    assert long.thresholds["few", test[1]] == pytest.approx(short.thresholds["few", test[1]], rel=0.25)


@pytest.mark.slow
def test_short_blocks_are_kept_only_where_consecutive_windows_bear_them_out():
    """Untold, independent rows are drawn in short blocks, rows whose level wanders in one piece."""
    draw = np.random.default_rng(9)
    schema = Schema((Column("size", Kind.NUMERICAL),))
    times = np.arange(6_000, dtype=np.int64) * HOUR
    steady, wandering = (
        calibrate(
            Batch(6_000, times, {"size": Numbers(values)}),
            schema,
            ROBUST,
            rows=300,
            rate=0.05,
            seed=1,
            draws=1_500,
        )
        for values in (draw.normal(size=6_000), np.sin(np.arange(6_000) / 400) + draw.normal(size=6_000))
    )
    assert steady.block == block_resampling.short(300) == 7
    assert steady.consecutive is not None
    assert steady.consecutive < 0.15
    assert wandering.block == 300
    assert wandering.consecutive == pytest.approx(0.05, abs=0.03)


def test_short_blocks_say_how_often_consecutive_windows_alarm():
    """Told to take short blocks where the level wanders, the calibration says how wrong they are."""
    batch = reference()
    wandering = Numbers(np.sin(np.arange(batch.rows) / 200.0))
    calibrated = calibrate(
        Batch(batch.rows, batch.event_time, {"size": wandering}),
        Schema((Column("size", Kind.NUMERICAL),)),
        ROBUST,
        rows=200,
        rate=0.05,
        seed=1,
        block=6,
        draws=500,
    )
    assert calibrated.block == 6
    assert calibrated.consecutive is not None
    assert calibrated.consecutive > 0.9


def test_blocks_are_runs_of_rows_and_every_row_comes_as_often():
    """A window is made of runs of consecutive rows, around the end as well, and no row is preferred."""
    times = np.arange(100, dtype=np.int64) * HOUR
    plan = block_resampling.plan(times, 27, block=9, period=0)
    rows = block_resampling.draw(plan, 20_000, np.random.default_rng(0))
    assert (np.diff(rows.reshape(-1, 9), axis=1) % 100 == 1).all()
    assert np.bincount(rows.ravel(), minlength=100) == pytest.approx(5_400, rel=0.08)


def test_a_period_spreads_the_blocks_over_its_phases():
    """With a day as the period, 24 single rows of hourly data hold every hour once."""
    times = np.arange(24 * 20, dtype=np.int64) * HOUR
    spread = block_resampling.draw(block_resampling.plan(times, 24, block=1), 50, np.random.default_rng(0))
    assert (np.sort(spread % 24, axis=1) == np.arange(24)).all()
    anywhere = block_resampling.plan(times[: 24 * 13], 24, block=1)
    assert anywhere.by_phase is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.0}, "the rate is 0.0"),
        ({"rate": 0.6}, "the rate is 0.6"),
        ({"rows": 0}, "rows is 0"),
        ({"block": 0}, "block is 0"),
        ({"period": -1}, "period is -1"),
        ({"draws": 0}, "draws is 0"),
    ],
)
def test_an_impossible_number_is_named(change: dict[str, float], message: str):
    """What cannot be calibrated is refused with the number and what was expected."""
    arguments = {"rows": 10, "rate": 0.05, "seed": 1, "block": 3, **change}
    with pytest.raises(ConfigurationError, match=message):
        calibrate(reference(), SCHEMA, ROBUST, **arguments)


def test_no_reference_rows_are_refused():
    """A reference without rows cannot be drawn from."""
    with pytest.raises(ConfigurationError, match="holds no rows"):
        calibrate(reference().take(slice(0, 0)), SCHEMA, ROBUST, rows=10, rate=0.05, seed=1, block=3)


def test_progress_is_told_and_ends_at_one():
    """The caller hears shares that rise and end at one."""
    heard: list[float] = []
    batch = reference()
    calibrate(
        batch, SCHEMA, ROBUST, rows=3_000, rate=0.05, seed=1, block=15, draws=4_000, progress=heard.append
    )
    assert len(heard) > 1
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_json_gives_an_equal_calibration_and_refuses_another_version():
    """What is stored comes back equal; a version that is not known is refused."""
    calibrated = replace(made(), reference="abc")
    content = json.loads(json.dumps(calibrated.as_json()))
    assert from_json(content) == calibrated
    with pytest.raises(ConfigurationError, match="calibrate again"):
        from_json({**content, "version": 0})


def test_a_p_value_that_runs_into_zero_never_alarms():
    """Where windows in one piece have p-values of zero by themselves, no p-value is an alarm."""
    rows = 4_000
    level = Numbers(np.repeat(np.arange(4.0), rows // 4))
    batch = Batch(rows, np.arange(rows, dtype=np.int64), {"size": level})
    schema = Schema((Column("size", Kind.NUMERICAL),))
    plan = DriftPlan(by_column={"size": ("chisquare",)})
    calibrated = calibrate(batch, schema, plan, rows=900, rate=0.05, seed=1, block=900, draws=300)
    method = METHODS["chisquare", "evidently"]
    assert calibrated.thresholds["size", method.full_name] == calibration.NEVER
    assert not drifted(method, 0.0, calibration.NEVER)


def test_the_tail_of_a_known_law_is_found_from_few_draws():
    """From 4,000 draws the 1 in 1,000 score of a law is found to 4 % on average, 1 in 10,000 to 8 %."""
    draw = np.random.default_rng(5)
    fits = [calibration_tail.fit(draw.exponential(size=4_000)) for _ in range(200)]
    tails = [tail for tail in fits if tail is not None]
    assert len(tails) == 200
    for p, tolerance in ((1e-3, 0.04), (1e-4, 0.08)):
        found = np.array([tail.mark(p) for tail in tails])
        assert found.mean() == pytest.approx(-math.log(p), rel=tolerance)
        assert np.abs(found / -math.log(p) - 1.0).mean() <= tolerance + 0.03
    assert tails[0].p_values(np.array([tails[0].mark(1e-3)]))[0] == pytest.approx(1e-3)


def test_ten_independent_tests_share_the_rate():
    """Ten independent tests at 5 % together get 1 - 0.95^(1/10) each, one copied ten times 5 %."""
    p_values = np.random.default_rng(7).random((20_000, 10))
    assert calibration_tail.marginal_rate(p_values, 0.05) == pytest.approx(0.00512, rel=0.08)
    assert calibration_tail.marginal_rate(p_values[:, :1].repeat(10, axis=1), 0.05) == pytest.approx(
        0.05, rel=0.05
    )


def test_columns_that_go_together_need_less_than_bonferroni():
    """Ten copies of one test get the rate of one; ten independent ones about a tenth each."""
    draw = np.random.default_rng(6)
    one, ten = draw.normal(size=(20_000, 1)), draw.normal(size=(20_000, 10))
    copies = calibration_tail.marks(np.repeat(one, 10, axis=1), 0.05)
    assert copies == pytest.approx([1.645] * 10, rel=0.05)
    assert calibration_tail.marks(ten, 0.05) == pytest.approx([2.57] * 10, rel=0.05)


@pytest.mark.slow
def test_sizes_between_calibrated_ones_get_what_is_calibrated_there():
    """Between two sizes a distance's threshold is the one calibrated there to 3 %, over four seeds."""
    ratios: dict[tuple[str, str], list[float]] = {}
    for seed in range(4):
        low, middle, high = (
            calibrate(reference(), SCHEMA, ROBUST, rows=rows, rate=0.05, seed=seed, block=6, draws=6_000)
            for rows in (100, 141, 200)
        )
        got = window_sizes.thresholds_for([high, low], 141)
        assert got is not None
        for test, value in middle.thresholds.items():
            if test[1] == "ks:evidently":
                assert got[test] == min(low.thresholds[test], high.thresholds[test])
            else:
                ratios.setdefault(test, []).append(got[test] / value)
    for test, found in ratios.items():
        assert np.mean(found) == pytest.approx(1.0, abs=0.03), test


def test_a_larger_size_with_wider_thresholds_is_heeded():
    """Where the larger size was drawn in longer blocks, its wider threshold holds between them."""
    low, high = made(rows=100), made(rows=200)
    test = ("size", "psi:robust")
    wider = replace(high, thresholds={**high.thresholds, test: 9.0})
    got = window_sizes.thresholds_for([low, wider], 150)
    assert got is not None
    assert got[test] == 9.0


def test_sizes_beyond_the_grid():
    """Below the smallest size there is no threshold; beyond the largest its own holds."""
    sizes = [made(rows=rows) for rows in (100, 200)]
    assert window_sizes.thresholds_for(sizes, 99) is None
    assert window_sizes.thresholds_for([], 99) is None
    assert window_sizes.thresholds_for(sizes, 10_000) == sizes[1].thresholds
    assert window_sizes.thresholds_for(sizes, 100) == sizes[0].thresholds


def test_the_grid_covers_all_sizes_in_steps_of_two_at_most():
    """Neighbouring sizes are at most a factor of two apart, and both ends are there."""
    assert window_sizes.grid(100, 100) == (100,)
    assert window_sizes.grid(100, 800) == (100, 200, 400, 800)
    sizes = window_sizes.grid(70, 9_000)
    assert (sizes[0], sizes[-1]) == (70, 9_000)
    assert max(b / a for a, b in pairwise(sizes)) <= 2.02
    with pytest.raises(ConfigurationError, match="from 5 to 4"):
        window_sizes.grid(5, 4)


def test_a_slow_method_is_not_calibrated_and_says_why():
    """Its plan's threshold holds, alone in a column or beside another method; the others are calibrated."""
    plan = DriftPlan(("wasserstein:robust", "empirical_mmd"), {"colour": ("TVD",)}, VerdictRule.FIRST)
    got = calibrate(reference(), SCHEMA, plan, rows=200, rate=0.05, seed=3, block=6, draws=200)
    assert ("size", "wasserstein:robust") in got.thresholds
    assert ("colour", "TVD:evidently") not in got.thresholds
    assert "worker process" in got.uncalibrated["colour", "TVD:evidently"]
    only = replace(plan, methods=("empirical_mmd",))
    alone = calibrate(reference(), SCHEMA, only, rows=200, rate=0.05, seed=3, block=6, draws=200)
    assert alone.thresholds == {}
