"""Days that were copied are said, and days that are alike by chance or by nature are not."""

from __future__ import annotations

import numpy as np

from service.core.blocks.copies import note_on_copied_blocks
from service.core.blocks.plan import DAYS, HOURS, BlockPlan, BlockUnit
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.season.season import DAY

NAMES = ["size", "kind"]


def rows(days: int, seed: int = 1) -> Batch:
    random, count = np.random.default_rng(seed), days * 48
    size = Numbers(np.where(random.random(count) < 0.1, np.nan, random.normal(size=count)))
    kind = Labels(random.integers(-1, 2, count), np.array(["a", "b"]))
    return Batch(count, np.arange(count, dtype=np.int64) * DAY // 48, {"size": size, "kind": kind}).numbered(
        0
    )


def again(batch: Batch, days: int) -> Batch:
    """Return the rows twice, the second time as many days later, each day's rows in another order."""
    order = np.arange(batch.rows).reshape(-1, 48)
    twice = np.concatenate((order.ravel(), order[:, ::-1].ravel()))
    times = np.concatenate((batch.event_time, batch.event_time + days * DAY))
    return Batch(len(twice), times, batch.take(twice).columns).numbered(0)


def test_days_that_come_twice_are_said() -> None:
    """Whatever the order of their rows within the day."""
    whole = rows(10)
    two = again(whole.take(slice(0, 96)), 20)
    others = whole.take(slice(96, whole.rows))
    sides = two, others
    columns = {
        "size": Numbers(np.concatenate([_numbers(side) for side in sides])),
        "kind": Labels(np.concatenate([_codes(side) for side in sides]), np.array(["a", "b"])),
    }
    times = np.concatenate([side.event_time for side in sides])
    said = note_on_copied_blocks(Batch(len(times), times, dict(columns)).numbered(0), NAMES, DAYS)
    assert said is not None
    assert said.startswith("2 of its 12 days hold the very rows of another one")


def _numbers(batch: Batch) -> np.ndarray:
    held = batch.columns["size"]
    assert isinstance(held, Numbers)
    return held.values


def _codes(batch: Batch) -> np.ndarray:
    held = batch.columns["kind"]
    assert isinstance(held, Labels)
    return held.codes


def test_a_week_that_comes_four_times_is_said() -> None:
    """21 of 28 days."""
    week = rows(7)
    month = again(again(week, 7), 14)
    said = note_on_copied_blocks(month, NAMES, DAYS)
    assert said is not None
    assert said.startswith("21 of its 28 days")


def test_days_that_are_alike_by_nature_are_not_said() -> None:
    """Of two labels every day may hold the same; runs of rows are nobody's days; one value changes a day."""
    count = 28 * 48
    kind = Labels(np.arange(count) % 2, np.array(["a", "b"]))
    times = np.arange(count, dtype=np.int64) * DAY // 48
    assert note_on_copied_blocks(Batch(count, times, {"kind": kind}).numbered(0), ["kind"], DAYS) is None
    assert note_on_copied_blocks(rows(28), NAMES, DAYS) is None
    assert note_on_copied_blocks(rows(2), NAMES, HOURS) is None
    twice = again(rows(8), 8)
    assert note_on_copied_blocks(twice, NAMES, BlockPlan(BlockUnit.RUN, 48, 1)) is None
    first = np.arange(twice.rows) % 48 == 0
    changed = twice.with_column("size", Numbers(np.where(first, np.arange(twice.rows), _numbers(twice))))
    assert note_on_copied_blocks(changed, NAMES, DAYS) is None
    assert note_on_copied_blocks(rows(8).take(slice(0, 0)), NAMES, DAYS) is None
