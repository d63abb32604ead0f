"""What the block test was not made on: rare values, labels of bursts, weekends that lie apart."""

from __future__ import annotations

import numpy as np
import pytest

from service.core.blocks import sums
from service.core.blocks.plan import DAYS
from service.core.blocks.reference import fit
from service.core.blocks.scores import Aim
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.season.season import DAY, HOUR
from service.methods.block_test import model as block_model
from service.methods.block_test.atoms import atoms_of
from service.methods.block_test.verdict import judge
from tests.benchmarks.alarms import hostile

RATE = 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("labels of 1 %, share by day *", 3.0),
        ("constant but for bursts *", 0.1),
        ("weekends apart, 3 weeks, by weekday *", 0.5),
    ],
)
def test_windows_without_drift_are_quiet(name: str, length: float) -> None:
    """Each of these alarmed in 11 to 30 of 100 windows once; one in a hundred is asked for."""
    (case,) = (each for each in hostile.CASES if each.name == name)
    random, place = np.random.default_rng(8), hostile.SHARES.index(length)
    alarms = sum(bool(hostile.named_columns(case, random)[place]) for _ in range(80))
    assert alarms <= 4


def column(values: np.ndarray, per_day: int = 100) -> Batch:
    times = np.arange(len(values), dtype=np.int64) * DAY // per_day
    return Batch(len(values), times, {"x": Numbers(values)}).numbered(0)


def p_of(reference: Batch, window: Batch) -> float:
    made = fit(reference, ["x"], DAYS)
    return judge(block_model.fit(made), sums.of(window, made.spec))["x"].p


def test_a_row_of_a_day_that_has_just_begun_is_no_twentieth() -> None:
    """In a column that never varies, one row of ten is nothing to judge by; five of a hundred are."""
    constant = np.full(3_100, 1.0)
    begun, busy = np.full(110, 1.0), np.full(200, 1.0)
    begun[-1] = 7.0
    assert p_of(column(constant), column(begun)) == 1.0
    busy[50:56] = 7.0
    assert p_of(column(constant), column(busy)) == 1.0  # of two days that is too few, and the last has none
    busy[194:] = 7.0
    assert p_of(column(constant), column(busy)) <= RATE


def test_what_came_in_bursts_may_come_in_such_bursts_again() -> None:
    """A reference with one day of six such rows knows of them; twice as many in a day are new."""
    values = np.full(3_100, 1.0)
    values[500:506] = 7.0
    again, more = np.full(100, 1.0), np.full(100, 1.0)
    again[:10], more[:14] = 7.0, 7.0
    assert p_of(column(values), column(again)) == 1.0
    assert p_of(column(values), column(more)) <= RATE


def test_which_columns_are_as_good_as_a_share() -> None:
    """One with mostly one value and the others on one side; its location then moves between two ends."""
    random = np.random.default_rng(3)
    rare = random.random(3_100) < 0.1
    columns = {
        "one side": Numbers(np.where(rare, random.normal(5.0, 1.0, 3_100), 0.0)),
        "both sides": Numbers(np.where(rare, random.normal(0.0, 1.0, 3_100), 0.0)),
        "few": Numbers(np.where(np.arange(3_100) < 20, 1.0, 0.0)),
        "many": Numbers(random.normal(size=3_100)),
        "label": Labels(rare.astype(np.int64), np.array(["no", "yes"])),
    }
    times = np.arange(3_100, dtype=np.int64) * DAY // 100
    made = fit(Batch(3_100, times, dict(columns)).numbered(0), [*columns], DAYS)
    found = atoms_of(made.spec)
    at = {(each.column, each.aim): i for i, each in reversed([*enumerate(made.spec.components)])}
    low, high = found.ends[:, at["one side", Aim.LOCATION]]
    own = made.sums.sums.sum(axis=0)[at["one side", Aim.LOCATION]] / 2**20 / 3_100
    assert (own - low) / (high - low) == pytest.approx(rare.mean(), abs=1e-3)
    assert found.ends[:, at["label", Aim.SHARE]].tolist() == [0.0, 1.0]
    for name in ("both sides", "many"):
        assert np.isnan(found.ends[:, at[name, Aim.LOCATION]]).all()
    assert [found.mixed[at[name, Aim.LOCATION]] for name in columns if name != "label"] == [
        False,
        True,
        False,
        False,
    ]
    assert [found.few[at[name, Aim.LOCATION]] for name in columns if name != "label"] == [
        False,
        False,
        True,
        False,
    ]


def test_days_of_equal_content_are_no_record() -> None:
    """What is known of a label by the other days is a hair less than by all; that is no drift."""
    codes = np.zeros(3_100, dtype=np.int64)
    codes[400:450] = 1  # one day has nearly all of the rare label
    codes[1_700] = 1
    names = np.array(["no", "yes"])
    times = np.arange(3_100, dtype=np.int64) * DAY // 100
    made = fit(Batch(3_100, times, {"x": Labels(codes, names)}).numbered(0), ["x"], DAYS)
    assert Aim.FAMILIARITY in {each.aim for each in made.spec.components}
    quiet = Batch(3_100, times + HOUR, {"x": Labels(np.zeros(3_100, dtype=np.int64), names)}).numbered(0)
    assert judge(block_model.fit(made), sums.of(quiet, made.spec))["x"].p > RATE
