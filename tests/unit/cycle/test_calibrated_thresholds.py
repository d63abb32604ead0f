"""Calibrated thresholds: each calibration is done once, kept, and found again by later starts."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from service.core.rows.batch import Batch
from service.cycle.calibrated_thresholds import Thresholds
from service.errors import SourceError
from service.methods.calibration import calibration
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import MEASURES, SCHEMA, InlineCompute, in_order, plan, rows, run


class Kept:
    """Calibrations in memory, as JSON-able contents; counts what is read."""

    def __init__(self) -> None:
        self.contents: dict[tuple[str, int], dict[str, Any]] = {}

    async def read(self, fingerprint: str, rows: int) -> dict[str, Any] | None:
        """Return what is kept."""
        return self.contents.get((fingerprint, rows))

    async def keep(self, fingerprint: str, rows: int, content: dict[str, Any]) -> None:
        """Keep content."""
        self.contents[fingerprint, rows] = content


class Rows:
    """The reference's rows; counts how often they are loaded."""

    def __init__(self, *, failing: int = 0) -> None:
        self.loads = 0
        self.failing = failing

    async def load(self) -> Batch:
        """Return the rows, after as many failures as were asked for."""
        self.loads += 1
        if self.loads <= self.failing:
            raise SourceError("the reference cannot be had now")
        return rows(0, 120, seed=99)


def thresholds(kept: Kept, reference: Rows, *, rate: float = 0.2) -> Thresholds:
    return Thresholds(
        SCHEMA,
        MEASURES.drift,
        rate=rate,
        blocks="short",
        min_rows=8,
        load_rows=reference.load,
        kept=kept,
        compute=InlineCompute(),
        shown=lambda _: nullcontext(lambda _: None),
    )


async def prepared(kept: Kept, reference: Rows, *sizes: int, **more: Any) -> Thresholds:
    found = thresholds(kept, reference, **more)
    await found.prepare(sizes, "a reference")
    return found


async def test_a_calibration_is_done_once() -> None:
    """A later start reads what an earlier one kept and never loads the rows; another rate is another one."""
    kept, first, second, other = Kept(), Rows(), Rows(), Rows()
    found = await prepared(kept, first, 8, 8)
    again = await prepared(kept, second, 8)
    assert (first.loads, second.loads, len(kept.contents)) == (1, 0, 1)
    assert again.of(8) == found.of(8) != {}
    await prepared(kept, other, 8, rate=0.3)
    assert (other.loads, len(kept.contents)) == (1, 2)


async def test_sizes_between_are_interpolated_and_small_windows_have_none() -> None:
    """A size between two of the grid needs both; below the least number of rows nothing is calibrated."""
    kept = Kept()
    found = await prepared(kept, Rows(), 3, 7, 11)
    assert (found.of(3), found.of(7)) == ({}, {})
    assert sorted(rows for _, rows in kept.contents) == [8, 16]
    low, between, high = (found.of(rows) for rows in (8, 11, 16))
    assert low.keys() == between.keys() == high.keys()
    assert all(min(low[key], high[key]) <= between[key] <= max(low[key], high[key]) for key in low)


async def test_rows_that_cannot_be_had_are_asked_for_again() -> None:
    """The error is raised, nothing is kept, and the next call calibrates."""
    kept, reference = Kept(), Rows(failing=1)
    found = thresholds(kept, reference)
    with pytest.raises(SourceError):
        await found.prepare([8], "a reference")
    assert kept.contents == {}
    await found.prepare([8], "a reference")
    assert found.of(8) != {}


async def test_a_calibration_of_an_earlier_version_is_done_again() -> None:
    """What cannot be read is replaced by a calibration that can."""
    kept = Kept()
    wanted = (await prepared(kept, Rows(), 8)).of(8)
    (key,) = kept.contents
    kept.contents[key] = {**kept.contents[key], "version": -1}
    reference = Rows()
    assert (await prepared(kept, reference, 8)).of(8) == wanted
    assert reference.loads == 1
    assert kept.contents[key]["version"] > 0


async def test_a_cycle_measures_with_the_thresholds_of_its_windows_size() -> None:
    """Every drift of a column has the calibrated threshold of as many rows as its window holds."""
    kept, store = Kept(), MemoryStore()
    calibrated = thresholds(kept, Rows())
    await run(plan(in_order(range(4)), thresholds=calibrated), store)
    windows = [each.window for each in store.stored("toy").windows if each.window.rows >= 8]
    assert [window.rows for window in windows] == [8, 12]
    for window in windows:
        found = {
            (m.series.column, f"{m.series.metric}:{m.series.definition}"): m.threshold
            for m in window.measurements
        }
        wanted = calibrated.of(window.rows)
        assert wanted
        assert {test: found[test] for test in wanted} == wanted


@pytest.mark.parametrize(
    ("blocks", "block", "period"), [("short", 3, None), ("window", 16, 0), ("auto", None, None)]
)
async def test_windows_are_drawn_as_the_monitor_file_says(
    blocks: str, block: int | None, period: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In short blocks, in one piece from anywhere, or as the reference's own windows decide."""
    kept, reference, shares = Kept(), Rows(), list[float]()
    calls, calibrate = list[dict[str, Any]](), calibration.calibrate

    def recorded(*args: Any, **kwargs: Any) -> calibration.Calibration:
        calls.append(kwargs)
        return calibrate(*args, **kwargs)

    monkeypatch.setattr(calibration, "calibrate", recorded)
    found = Thresholds(
        SCHEMA, MEASURES.drift, rate=0.2, blocks=blocks, min_rows=8, load_rows=reference.load,
        kept=kept, compute=InlineCompute(), shown=lambda _: nullcontext(shares.append),
    )  # fmt: skip
    await found.prepare([16], "a reference")
    (asked,) = calls
    assert {name: asked[name] for name in ("rows", "rate", "block", "period")} == {
        "rows": 16, "rate": 0.2, "block": block, "period": period,
    }  # fmt: skip
    ((fingerprint, rows),) = kept.contents
    assert (rows, len(fingerprint), asked["fingerprint"]) == (16, 16, fingerprint)
    assert kept.contents[fingerprint, 16]["reference"] == fingerprint
    assert kept.contents[fingerprint, 16]["block"] in ((block,) if block else (3, 16))
    assert shares, "nobody was told how far it is"


async def test_other_blocks_are_another_calibration() -> None:
    """What was kept for one way of drawing windows is not taken for another."""
    kept = Kept()
    for blocks in ("short", "window"):
        found = Thresholds(
            SCHEMA, MEASURES.drift, rate=0.2, blocks=blocks, min_rows=8, load_rows=Rows().load,
            kept=kept, compute=InlineCompute(), shown=lambda _: nullcontext(lambda _: None),
        )  # fmt: skip
        await found.prepare([8], "a reference")
    assert len(kept.contents) == 2


async def test_the_grid_doubles_from_the_least_rows_of_a_window() -> None:
    """A size of the grid needs only its own calibration, one between two both neighbours."""
    kept = Kept()
    await prepared(kept, Rows(), 8, 16, 33)
    assert sorted(rows for _, rows in kept.contents) == [8, 16, 32, 64]


async def test_a_window_of_one_row_can_be_calibrated() -> None:
    """Where the monitor asks for no rows at all, the grid begins at one."""
    kept = Kept()
    found = Thresholds(
        SCHEMA, MEASURES.drift, rate=0.2, blocks="window", min_rows=0, load_rows=Rows().load,
        kept=kept, compute=InlineCompute(), shown=lambda _: nullcontext(lambda _: None),
    )  # fmt: skip
    await found.prepare([0, 1], "a reference")
    assert sorted(rows for _, rows in kept.contents) == [1]
    assert found.of(0) == {}
