"""The block test: alarms at the rate that was asked for, finds shifts, and says what moved."""

from __future__ import annotations

import numpy as np
import pytest

from service.core.blocks import sums
from service.core.blocks.plan import DAYS
from service.core.blocks.reference import ReferenceBlocks, fit
from service.core.blocks.scores import Aim
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.season.season import DAY
from service.methods.block_test import model as block_model
from service.methods.block_test.model import BlockModel
from service.methods.block_test.verdict import Verdict, judge

ROWS = 100  # per day
RATE = 0.01


def days(seed: int, count: int, *, between: float = 0.1, lag: float = 0.0, columns: int = 5) -> Batch:
    """Draw days whose means differ, each going with the one before."""
    random = np.random.default_rng(seed)
    level = random.normal(size=(count, columns))
    for day in range(1, count):
        level[day] = lag * level[day - 1] + np.sqrt(1.0 - lag**2) * level[day]
    rows = count * ROWS
    values = np.sqrt(between) * np.repeat(level, ROWS, axis=0)
    values += np.sqrt(1.0 - between) * random.normal(size=(rows, columns))
    held = {f"c{i}": Numbers(np.ascontiguousarray(values[:, i])) for i in range(columns)}
    return Batch(rows, np.arange(rows, dtype=np.int64) * DAY // ROWS, held)


def known(batch: Batch) -> tuple[ReferenceBlocks, BlockModel]:
    made = fit(batch, list(batch.columns), DAYS)
    return made, block_model.fit(made)


def judged(batch: Batch, made: ReferenceBlocks, model: BlockModel) -> dict[str, Verdict]:
    return dict(judge(model, sums.of(batch, made.spec)))


@pytest.mark.slow
@pytest.mark.parametrize(("between", "lag"), [(0.0, 0.0), (0.1, 0.3), (0.5, 0.6)])
def test_windows_without_drift_alarm_at_the_rate(between: float, lag: float) -> None:
    """Over 300 references, windows of three days and of as many as the reference has: at most 3 in 100."""
    alarms = np.zeros(2)
    for seed in range(300):
        made, model = known(days(2 * seed, 31, between=between, lag=lag))
        window = days(2 * seed + 1, 31, between=between, lag=lag)
        for i, size in enumerate((3, 31)):
            found = judged(window.take(slice(0, size * ROWS)), made, model)
            alarms[i] += min(each.p for each in found.values()) <= RATE
    assert (alarms <= 9).all(), alarms


def test_a_shift_is_found_and_named() -> None:
    """By the column, the score and the way it moved; the other columns are quiet."""
    made, model = known(days(1, 31, between=0.01))
    window = days(2, 3, between=0.01)
    moved = window.columns["c2"]
    assert isinstance(moved, Numbers)
    found = judged(window.with_column("c2", Numbers(moved.values - 0.7)), made, model)
    assert found["c2"].p < 1e-4
    assert found["c2"].component.aim is Aim.LOCATION
    assert found["c2"].shift < -0.3
    assert all(each.p > RATE for name, each in found.items() if name != "c2")
    wider = judged(window.with_column("c1", Numbers(moved.values * 1.6)), made, model)
    assert (wider["c1"].component.aim, wider["c1"].p < RATE) == (Aim.SPREAD, True)


def test_the_scale_says_when_it_began() -> None:
    """A shift of the last two days of thirty is found in these, where the whole window hides it."""
    made, model = known(days(1, 31, between=0.01))
    window = days(3, 30, between=0.01)
    moved = window.columns["c0"]
    assert isinstance(moved, Numbers)
    values = moved.values.copy()
    values[-2 * ROWS :] += 0.9
    found = judged(window.with_column("c0", Numbers(values)), made, model)["c0"]
    assert (found.p < RATE, found.blocks) == (True, 2)


def test_days_that_differ_hide_a_shift_that_rows_would_show() -> None:
    """0.5 deviations in one day are no drift where days differ by as much."""
    made, model = known(days(1, 31, between=0.5))
    window = days(4, 1, between=0.5)
    column = window.columns["c0"]
    assert isinstance(column, Numbers)
    level = Numbers(column.values - column.values.mean() + 0.5)
    assert judged(window.with_column("c0", level), made, model)["c0"].p > RATE


def test_a_column_that_never_varies_takes_nothing_from_the_others() -> None:
    """It is quiet while it stays as it is, and the other columns have their whole budget."""
    batch = days(1, 12, columns=1)
    alone = judged(days(5, 2, columns=1), *known(batch))
    still = batch.with_column("still", Numbers(np.full(batch.rows, 7.0)))
    window = days(5, 2, columns=1)
    window = window.with_column("still", Numbers(np.full(window.rows, 7.0)))
    found = judged(window, *known(still))
    assert found.pop("still").p == 1.0
    assert found == alone
    nothing_else = Batch(still.rows, still.event_time, {"still": still.columns["still"]})
    assert judged(window, *known(nothing_else))["still"].p == 1.0


def test_labels_that_move_are_named() -> None:
    """The verdict holds the label whose share moved."""
    random = np.random.default_rng(6)
    rows, labels = 31 * ROWS, np.array(["a", "b", "c"])
    times = np.arange(rows, dtype=np.int64) * DAY // ROWS
    batch = Batch(rows, times, {"x": Labels(random.choice(3, rows, p=[0.6, 0.3, 0.1]), labels)})
    made, model = known(batch)
    now = Batch(300, times[:300], {"x": Labels(random.choice(3, 300, p=[0.6, 0.1, 0.3]), labels)})
    found = judged(now, made, model)["x"]
    assert found.p < 1e-4
    assert (found.component.label, found.shift > 0) in {("c", True), ("b", False)}
    same = Batch(300, times[:300], {"x": Labels(random.choice(3, 300, p=[0.6, 0.3, 0.1]), labels)})
    assert judged(same, made, model)["x"].p > RATE


def rain(seed: int, count: int) -> Batch:
    """Draw days of which most are dry: of the others a share of the rows of their own has a value."""
    random = np.random.default_rng(seed)
    wet = np.where(random.random(count) < 0.6, 0.0, random.beta(0.6, 1.4, count))
    rows = count * ROWS
    values = np.where(random.random(rows) < np.repeat(wet, ROWS), random.exponential(size=rows), 0.0)
    return Batch(rows, np.arange(rows, dtype=np.int64) * DAY // ROWS, {"rain": Numbers(values)})


def test_a_share_of_zeros_that_moves_by_day_is_not_judged_twice() -> None:
    """Where most values are 0, the share of the others moves location and spread at once."""
    alarms = 0
    for seed in range(100):
        made, model = known(rain(2 * seed, 31))
        alarms += judged(rain(2 * seed + 1, 5), made, model)["rain"].p <= RATE
    assert alarms <= 4
    assert [each.aim for each, echo in zip(model.components, model.echo, strict=True) if echo] == [Aim.SPREAD]
    assert not known(days(1, 31))[1].echo.any()
