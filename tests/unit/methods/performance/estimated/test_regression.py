from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from service.core.measurement import Aspect
from service.core.profile import profile
from service.core.profile.outcome import row_errors
from service.core.reference import reference as references
from service.core.reference.loss_model import LossModel
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.errors import ProfileError
from service.methods.performance.estimated.estimate import measure_estimates
from tests.unit.methods.flock import SCHEMA, estimates, flock

DRAW = np.random.default_rng(20130107)
REFERENCE = references.of(flock(DRAW, 5_000), SCHEMA)


def realised(batch: Batch) -> dict[str, float]:
    """Return what came of the labelled rows, by the estimate that stands for it."""
    error = row_errors.absolute_errors(batch, SCHEMA)
    return {
        "estimated_mae": float(np.nanmean(error)),
        "estimated_rmse": float(np.sqrt(np.nanmean(error**2))),
    }


@pytest.mark.parametrize(
    ("metric", "shift", "red"), [("estimated_mae", 0.8, 0.5), ("estimated_rmse", 0.0, 0.5)]
)
def test_the_estimate_is_unbiased_when_only_inputs_move(metric: str, shift: float, red: float):
    """Over 40 references the estimates miss the realised errors by no more than chance, a constant by far.

    Absolute errors add up over both columns here, squared ones do not: there one column moves.
    """
    draw = np.random.default_rng(1)
    missed, moved = [], []
    for _ in range(40):
        reference = references.of(flock(draw, 3_000), SCHEMA)
        window = flock(draw, 2_000, shift=shift, red=red)
        m = estimates(reference, window)[metric]
        missed.append(m.value - realised(window)[metric])
        moved.append(m.value - m.reference)
    error = np.std(missed) / np.sqrt(40)
    assert abs(np.mean(missed)) < 3.0 * error < 0.1
    assert np.mean(moved) > 0.6


def test_bands_cover_what_is_realised_when_only_inputs_move():
    """Of 200 windows over 100 references 92 to 99.5 in 100 have their realised error in the band."""
    draw = np.random.default_rng(2)
    hits = Counter[str]()
    for number in range(200):
        if number % 2 == 0:
            reference = references.of(flock(draw, 1_500), SCHEMA)
        window = flock(draw, 300, red=0.5)
        found = estimates(reference, window)
        for metric, true in realised(window).items():
            hits[metric] += found[metric].low <= true <= found[metric].high
    assert all(0.92 <= count / 200 <= 0.995 for count in hits.values()), hits


def stormy(draw: np.random.Generator, rows: int, strength: float = 0.5) -> Batch:
    """Draw rows of which forty in a row share a storm."""
    batch = flock(draw, rows)
    storm = np.exp(strength * draw.normal(size=-(-rows // 40))).repeat(40)[:rows]
    guess, truth = (batch.columns[name].values for name in ("guess", "truth"))
    columns = {**batch.columns, "truth": Numbers(guess + (truth - guess) * storm)}
    return Batch(rows, batch.event_time, columns)


def test_rows_that_share_a_storm_widen_the_band():
    """Where the reference's rows go together, at least 52 of 60 realised errors still lie in the band."""
    draw = np.random.default_rng(3)
    hits, wider = 0, []
    for _ in range(60):
        reference = references.of(stormy(draw, 4_000), SCHEMA)
        window = stormy(draw, 800)
        m = estimates(reference, window)["estimated_mae"]
        hits += m.low <= realised(window)["estimated_mae"] <= m.high
        wider.append(reference.estimator.absolute.correlation * 199)
    assert hits >= 52
    assert np.mean(wider) > 2.0


def test_a_relation_that_changed_moves_the_realised_error_alone():
    """Errors twice as large on the same inputs leave the estimate where it was, far below them."""
    window = flock(np.random.default_rng(4), 1_000, worse=2.0)
    m = estimates(REFERENCE, window)["estimated_mae"]
    assert m.value == pytest.approx(m.reference, abs=0.1)
    assert m.high < realised(window)["estimated_mae"] / 1.5


def test_labels_do_not_enter_an_estimate():
    """The estimate of a window is the same before its labels come and after."""
    window = flock(np.random.default_rng(5), 500)
    without = {**window.columns, "truth": Numbers(np.full(500, np.nan))}
    assert estimates(REFERENCE, window) == estimates(REFERENCE, Batch(500, window.event_time, without))


def test_only_columns_that_tell_where_the_model_errs_are_used():
    """Size and colour are in the model; noise, the prediction and the target are not."""
    assert set(REFERENCE.estimator.columns) == {"size", "colour"}


def test_a_column_that_tells_only_the_days_apart_is_left_out():
    """A level that drifts through the reference beside the error, as weather does, is no explanation."""
    draw = np.random.default_rng(6)
    batch = stormy(draw, 4_000, strength=1.0)
    hour = np.arange(4_000) // 40
    weather = np.random.default_rng(7).normal(size=100)[hour]
    columns = {**batch.columns, "noise": Numbers(weather)}
    reference = references.of(Batch(4_000, batch.event_time, columns), SCHEMA)
    assert "noise" not in reference.estimator.columns


def test_the_reference_s_own_estimate_is_its_realised_error():
    """Beside the window's estimate stands the reference's: its realised error, unlabelled rows included."""
    truth = realised(flock(np.random.default_rng(20130107), 5_000))
    for metric, m in estimates(REFERENCE, flock(DRAW, 100)).items():
        assert m.reference == pytest.approx(truth[metric], rel=0.01)


def test_inputs_that_the_reference_never_had_widen_the_band():
    """A new colour has no effect that is known: the estimate is less sure than that of red rows."""
    window = flock(np.random.default_rng(8), 2_000)
    new = {
        **window.columns,
        "colour": type(window.columns["colour"])(np.zeros(2_000, int), np.array(["new"])),
    }
    red = {**new, "colour": type(window.columns["colour"])(np.zeros(2_000, int), np.array(["red"]))}
    bands = [
        estimates(REFERENCE, Batch(2_000, window.event_time, columns))["estimated_mae"]
        for columns in (new, red)
    ]
    widths = [(m.high - m.low) / m.value for m in bands]
    assert widths[0] > 3.0 * widths[1]


def test_a_threshold_breaches():
    """`estimated_mae` has a threshold like any metric, and its series says what it is."""
    window = flock(np.random.default_rng(9), 500, red=0.9)
    m = estimates(REFERENCE, window, estimated_mae=2.5)["estimated_mae"]
    assert (m.threshold, m.breached, m.rows) == (2.5, True, 500)
    assert (m.series.aspect, m.series.definition) == (Aspect.PERFORMANCE, "")
    assert estimates(REFERENCE, window, estimated_mae=9.0)["estimated_mae"].breached is False


def test_what_cannot_be_estimated_says_why():
    """A reference without labels, a window without predictions and one of no rows each have their reason."""
    window = flock(np.random.default_rng(10), 100)
    blank = Numbers(np.full(100, np.nan))
    unlabelled = references.of(Batch(100, window.event_time, {**window.columns, "truth": blank}), SCHEMA)
    assert {m.reason for m in estimates(unlabelled, window).values()} == {"no labels in the reference"}
    silent = Batch(100, window.event_time, {**window.columns, "guess": blank})
    assert {m.reason for m in estimates(REFERENCE, silent).values()} == {"no row has a prediction"}
    nothing = window.take(slice(0, 0))
    assert {m.reason for m in estimates(REFERENCE, nothing).values()} == {"no row has a prediction"}


@pytest.mark.parametrize("rows", [1, 2, 9, 10, 30])
def test_the_smallest_references_give_a_mean(rows: int):
    """Too few rows to hold some out: the estimate is their mean loss, without an error or a warning."""
    batch = flock(np.random.default_rng(12), rows)
    reference = references.of(batch, SCHEMA)
    m = estimates(reference, flock(np.random.default_rng(13), 50))["estimated_mae"]
    assert m.value is not None
    if rows < 10:
        assert m.value == pytest.approx(realised(batch)["estimated_mae"])


def test_errors_beyond_a_double_leave_the_other_estimate():
    """Where the errors' fourth powers overflow there is no expected root mean square, and a reason."""
    values = {"x": [1.0, 2.0] * 20, "guess": [1e100, 0.0] * 20, "truth": [0.0] * 40}
    schema = Schema(
        (
            Column("x", Kind.NUMERICAL),
            Column("guess", Kind.NUMERICAL, Role.PREDICTION),
            Column("truth", Kind.NUMERICAL, Role.TARGET),
        )
    )
    batch = Batch(40, np.arange(40), {name: Numbers(np.array(side)) for name, side in values.items()})
    reference = references.of(batch, schema)
    found = measure_estimates(reference.profile, reference.profile, schema.task, reference.estimator)
    assert found[0].value == pytest.approx(0.5e100)
    assert (found[1].value, bool(found[1].reason)) == (None, True)


def test_an_effect_below_no_error_is_no_number():
    """Where the effects of the cells add up to less than nothing, the estimate says so."""
    both = np.array([0.0] * 400 + [1.0] * 20)
    draw = np.random.default_rng(14)
    order = draw.permutation(420)
    sides = np.stack((both, both[::-1]))[:, order]
    truth = np.where(sides.any(axis=0), 0.01, 4.0)
    columns = {"size": sides[0], "noise": sides[1], "guess": np.zeros(420), "truth": truth}
    batch = Batch(420, np.arange(420), {name: Numbers(values) for name, values in columns.items()})
    reference = references.of(batch, SCHEMA)
    ones = {**columns, "size": np.ones(420), "noise": np.ones(420)}
    window = Batch(420, np.arange(420), {name: Numbers(values) for name, values in ones.items()})
    m = estimates(reference, window)["estimated_mae"]
    assert m.value is None
    assert "less than no error" in m.reason


def test_rows_counted_in_other_cells_are_refused():
    """A window that was not counted with the reference's anchors names the column."""
    current = profile.of(flock(DRAW, 50), SCHEMA)
    with pytest.raises(ProfileError, match="size"):
        measure_estimates(REFERENCE.profile, current, SCHEMA.task, REFERENCE.estimator)


def test_without_an_estimator_nothing_is_measured():
    """A monitor that does not ask for estimates has no such series."""
    reference = references.of(flock(DRAW, 50), SCHEMA, estimate=False)
    assert reference.estimator is None
    assert estimates(reference, flock(DRAW, 50)) == {}
    assert isinstance(REFERENCE.estimator, LossModel)
