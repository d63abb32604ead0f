"""A reference that moves, on a real store: the same numbers whatever restarts or comes late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from service.core.reference import reference
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.take import Take
from service.core.windows.moving_reference import MovingPlan
from service.core.windows.window import Unit, WindowPlan
from service.cycle.cycle import Cycle
from service.cycle.log_summary import summary
from service.cycle.monitor_plan import MonitorPlan
from service.methods.alarm import AlarmPlan
from service.methods.drift.columns import DriftPlan
from service.methods.measure_window import MeasurePlan
from service.runtime.compute_threads import workers
from service.sources.replay.source import ReplayOptions, ReplaySource
from service.sources.tables.from_pandas import to_batch
from service.store.postgres import PostgresStore
from simulator import scenario_data
from simulator.scenario import apply
from simulator.scenario_file import parse
from tests.integration.measures import scenario_table, test_late_labels

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("place", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
HOUR = 3_600_000_000
A_BATCH = 10
PLAN = MeasurePlan(DriftPlan(("wasserstein", "jensenshannon")), min_rows=8)


def rows(hour: int, seed: int) -> Batch:
    """Draw ten rows of an hour, the level of which goes up and down."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(10.0 + 5.0 * (hour % 7), 1.0, A_BATCH)
    columns = {
        "size": Numbers(truth + 1.0),
        "place": Labels(draw.integers(0, 3, A_BATCH), np.array(["a", "b", "c"])),
        "guess": Numbers(truth + draw.normal(0.0, 1.0, A_BATCH)),
        "truth": Numbers(truth),
    }
    return Batch(A_BATCH, hour * HOUR + np.arange(A_BATCH, dtype=np.int64), columns)


# Fifteen hours one by one, a gap of two hours, and rows that come one, three and nine hours late.
HOURS = [0, 1, 2, 3, 4, 5, 4, 8, 9, 6, 10, 11, 12, 3, 13, 14]
STREAM = [rows(hour, seed) for seed, hour in enumerate(HOURS)]


class Stream:
    """Gives the batches one by one."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        place = position["batch"] if position else 0
        return Take(STREAM[place], {"batch": place + 1})

    async def close(self) -> None:
        return None


async def _declared() -> Reference:
    return reference.of(rows(0, 99), SCHEMA, by=("place",))


async def _measured(
    pool: asyncpg.Pool, window: WindowPlan, moving: MovingPlan | None, restarts: frozenset[int]
) -> list[dict[str, Any]]:
    """Run every cycle under a name of its own, restarted before some; return what was measured."""
    name = f"m{len(restarts)}{moving}"
    async with workers() as compute:
        plan = MonitorPlan(
            name=name,
            schema=SCHEMA,
            window=window,
            measures=PLAN,
            alarm=AlarmPlan(),
            source=Stream(),
            load_reference=_declared,
            moving=moving,
        )
        store = PostgresStore(pool)
        cycle = Cycle(plan, store, compute, now=lambda: 100 * HOUR)
        for number in range(len(STREAM)):
            if number in restarts:
                cycle = Cycle(plan, store, compute, now=lambda: 100 * HOUR)
            report = await cycle.run(number)
            assert report.committed
            assert ("reference" in summary(report)) == (moving is not None and bool(report.record.windows))
    found = await pool.fetch(
        "SELECT aspect, column_name, segment, metric, definition, window_start, window_end, value, "
        "reference, breached, low, high, rows, reason, revision FROM tidegauge.metrics_history "
        "WHERE monitor = $1 AND aspect <> 'health'",
        name,
    )
    # Two windows of rows may begin and end at the same instants.
    return sorted(
        (dict(row) for row in found), key=lambda row: (row["window_end"], row["revision"], repr(row))
    )


WINDOWS = [WindowPlan(Unit.TIME, HOUR, 2, min_rows=8), WindowPlan(Unit.ROWS, 5, 3, min_rows=8)]
MOVES = [MovingPlan(2), MovingPlan(1), MovingPlan()]


@pytest.mark.parametrize("window", WINDOWS, ids=["time", "rows"])
@pytest.mark.parametrize("moving", MOVES, ids=["rolling 2", "rolling 1", "expanding"])
async def test_restarts_change_nothing(pool: asyncpg.Pool, window: WindowPlan, moving: MovingPlan) -> None:
    """Restarted never, at times or before every cycle, every number of every revision is the same."""
    straight = await _measured(pool, window, moving, frozenset())
    assert {row["revision"] for row in straight} >= ({1, 2} if window.unit is Unit.TIME else {1})
    compared_rows = [row for row in straight if row["metric"] == "moving_reference_rows"]
    assert {row["value"] is None for row in compared_rows} == {True, False}
    assert await _measured(pool, window, moving, frozenset({4, 9, 10, 13})) == straight
    assert await _measured(pool, window, moving, frozenset(range(len(STREAM)))) == straight


@pytest.mark.parametrize("moving", MOVES, ids=["rolling 2", "rolling 1", "expanding"])
async def test_the_numbers_are_those_of_the_rows_before(pool: asyncpg.Pool, moving: MovingPlan) -> None:
    """The reference's own error, and how many rows it has, are those of the rows that came before by then."""
    window = WINDOWS[0]
    measured = await _measured(pool, window, moving, frozenset({7}))
    last = {row["window_end"]: row for row in measured if row["metric"] == "mae" and not row["segment"]}
    count = {row["window_end"]: row for row in measured if row["metric"] == "moving_reference_rows"}
    for end, row in last.items():
        # The window's latest revision: it was measured with the cycle that brought its last late row.
        hour = round(end.timestamp() / 3_600)
        first, latest = hour - window.panes, _measured_last(hour, window)
        least = first - window.panes * (moving.windows or 1)
        before = [
            batch
            for at, batch in zip(HOURS[: latest + 1], STREAM, strict=False)
            if at < first and (at >= least or moving.windows is None)
        ]
        size = sum(batch.rows for batch in before)
        used = least >= 0 and size >= 8
        assert (count[end]["value"], count[end]["reason"] is None) == (size if used else None, used), hour
        assert count[end]["reference"] == A_BATCH
        errors = [_error(batch) for batch in (before if used else [rows(0, 99)])]
        assert row["reference"] == pytest.approx(float(np.concatenate(errors).mean()), rel=1e-12)


def _measured_last(end: int, window: WindowPlan) -> int:
    """Return which cycle measured the window that ends at hour `end` the last time."""
    closing = next(i for i, at in enumerate(HOURS) if at >= end)
    late = [i for i, at in enumerate(HOURS) if i > closing and end - window.panes <= at < end]
    return max([closing, *late])


def _error(batch: Batch) -> np.ndarray:
    guess, truth = batch.columns["guess"], batch.columns["truth"]
    assert isinstance(guess, Numbers)
    assert isinstance(truth, Numbers)
    return np.abs(guess.values - truth.values)


async def test_a_reference_that_stays_is_not_told(pool: asyncpg.Pool) -> None:
    """Where nothing moves there is no measurement of it, and every window has the declared one's numbers."""
    measured = await _measured(pool, WINDOWS[0], None, frozenset())
    assert "moving_reference_rows" not in {row["metric"] for row in measured}
    assert len({row["reference"] for row in measured if row["metric"] == "mae" and not row["segment"]}) == 1


@pytest.mark.parametrize(
    ("moving", "drifted"),
    [(None, range(4, 16)), (MovingPlan(1), range(4, 9))],
    ids=["declared", "rolling"],
)
async def test_a_season_that_recurs_is_drift_but_once(
    pool: asyncpg.Pool, tmp_path: Path, moving: MovingPlan | None, drifted: range
) -> None:
    """Two days of every four are shifted: against the windows before it a whole season is nothing new."""
    season = next(row for row in scenario_table.TABLE if row.name == "recurring")
    scenario = parse(f"timestamp: at\nseed: 11\nchanges: [{{{season.change}}}]", "season.yaml")
    steady = scenario_table.steady(scenario_table.DAYS * scenario_table.ROWS_A_DAY, seed=1)
    scenario_data.write(apply(scenario, steady), tmp_path / "rows.parquet")
    schema, day = scenario_table.SCHEMA, scenario_table.DAY
    batch = to_batch(scenario_table.steady(4_000, seed=2), schema, "at").batch

    async def declared() -> Reference:
        return reference.of(batch, schema)

    source = ReplaySource(ReplayOptions(tmp_path / "rows.parquet", "at", step_us=day), schema)
    async with workers() as compute:
        plan = MonitorPlan(
            name="season",
            schema=schema,
            window=WindowPlan(Unit.TIME, day, 4, min_rows=2_000),
            measures=MeasurePlan(DriftPlan(("wasserstein",)), min_rows=2_000),
            alarm=AlarmPlan(),
            source=source,
            load_reference=declared,
            moving=moving,
        )
        cycle = Cycle(plan, PostgresStore(pool), compute, now=lambda: 0)
        records = [(await cycle.run(number)).record for number in range(scenario_table.DAYS)]
    await source.close()
    windows = [window for record in records for window in record.windows]
    verdicts = {
        number: m.breached
        for number, window in enumerate(windows)
        for m in window.measurements
        if (m.series.metric, m.series.column) == ("wasserstein", "a")
    }
    assert [number for number, breached in verdicts.items() if breached] == list(drifted)


@pytest.mark.parametrize("moving", ["{type: rolling, windows: 2}", "{type: expanding}"])
async def test_late_labels_reach_a_moving_reference(pool: asyncpg.Pool, tmp_path: Path, moving: str) -> None:
    """Labels five days late correct what later windows are compared with, the same through restarts."""
    found = []
    for name, every in (("straight", 0), ("restarted", 2)):
        change = "{change: label_delay, delay: 5d, from: 0.1}"
        path = test_late_labels.lay_out(tmp_path / name, test_late_labels.rows(), change)
        text = path.read_text().replace('reference.parquet"}', f'reference.parquet", moving: {moving}}}')
        path.write_text(text + "by: [plan]\n")
        await test_late_labels.run(path, pool, restart_every=every)
        found.append(await test_late_labels.final(pool, name))
    assert found[0] == found[1]
    # Against the declared reference at first; in the end against windows whose labels have come.
    errors = {row[0]: row[7] for row in found[0] if (row[3], row[4]) == ("", "mae")}
    used = [row[0] for row in found[0] if row[4] == "moving_reference_rows" and row[6] is not None]
    assert 0 < len(used) < len(errors)
    assert all(errors[end] is not None for end in used)
