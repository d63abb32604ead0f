"""Labels that come days after their rows: every window ends as if they had come at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import numpy as np
import pandas as pd
import pytest

from service.checks.findings import findings
from service.checks.read import look_at
from service.config import monitor_file
from service.core.labels import join
from service.core.reference import reference
from service.core.rows import row_hash
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.rows.late_labels import LateLabels
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.cycle.cycle import Cycle
from service.cycle.monitor_plan import MonitorPlan
from service.methods.alarm import AlarmPlan
from service.methods.measure_window import MeasurePlan
from service.runtime.compute_threads import workers
from service.store.postgres import PostgresStore
from service.wiring.monitor import build_monitor
from simulator import scenario_data
from simulator.scenario import Applied, apply
from simulator.scenario_file import parse
from tests.integration.measures.scenario_table import DAY, DAYS, ROWS_A_DAY, steady

if TYPE_CHECKING:
    from pathlib import Path

    from service.core.reference.reference import Reference
    from service.cycle.monitor_plan import CycleReport

HEAD = "timestamp: at\nprediction: guess\ntarget: truth\nseed: 11\nid: key\nchanges: "
MONITOR = """\
source: {type: replay, path: "{data_dir}/rows.parquet", timestamp: at, step: 1d}
reference: {path: "{data_dir}/reference.parquet"}
columns: {a: numerical, b: numerical, miles: numerical, plan: categorical, guess: numerical, truth: numerical}
id: key
prediction: guess
target: truth
window: {size: 3d, hop: 1d, min_rows: 100}
drift: {methods: [default], thresholds: evidently}
performance: {mae: 5.5}
detectors: [adwin, page_hinkley]
"""
LABELS = 'labels: {path: "{data_dir}/rows.labels.parquet"}\n'
# What a row held when it came stays so: its hash is that of a row without a label. Only late labels can miss.
NOT_ALIKE = ["duplicate_row_share", "unmatched_label_share"]

FINAL = """
SELECT window_end, aspect, column_name, segment, metric, definition, value, reference, threshold, breached,
    low, high, rows, reason
FROM tidegauge.metrics WHERE monitor = $1 AND aspect <> 'health' AND metric <> ALL($2)
ORDER BY window_end, aspect, column_name, segment, metric, definition
"""


def rows(worse_from: float | None = None) -> pd.DataFrame:
    """Return sixteen days of 200 steady rows with an id, the model wrong from a day on."""
    frame = steady(DAYS * ROWS_A_DAY, seed=1).iloc[::5].reset_index(drop=True)
    frame.insert(1, "key", [f"row-{number}" for number in range(len(frame))])
    if worse_from is not None:
        late = (frame["at"] - frame["at"].iloc[0]).dt.days >= worse_from
        frame.loc[late, "truth"] += 9.0
    return frame


def lay_out(
    folder: Path,
    frame: pd.DataFrame,
    changes: str,
    *,
    more: str = LABELS,
    window: str = "size: 3d, hop: 1d",
) -> Path:
    """Write rows, labels, reference and the monitor's file; return the latter."""
    folder.mkdir()
    steady(2_000, seed=2).to_parquet(folder / "reference.parquet")
    applied = apply(parse(f"{HEAD}[{changes}]", "late.yaml"), frame) if changes else Applied(frame)
    scenario_data.write(applied, folder / "rows.parquet")
    path = folder / f"{folder.name}.yaml"
    path.write_text(MONITOR.replace("size: 3d, hop: 1d", window) + more)
    return path


async def run(
    path: Path, pool: asyncpg.Pool, *, restart_every: int = 0, most: int = 200
) -> list[CycleReport]:
    """Run a monitor's cycles to the end of its source, now and then with everything built anew."""
    reports: list[Any] = []
    async with workers() as compute:
        cycle = None
        while not (reports and reports[-1].done) and len(reports) < most:
            if cycle is None or (restart_every and len(reports) % restart_every == 0):
                watched = build_monitor(monitor_file.load(path, path.parent), pool, compute)
                cycle = Cycle(watched, PostgresStore(pool), compute, now=lambda: 10**15)
            reports.append(await cycle.run(len(reports)))
            assert reports[-1].committed
    return reports


async def final(pool: asyncpg.Pool, monitor: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in await pool.fetch(FINAL, monitor, NOT_ALIKE)]


async def events(pool: asyncpg.Pool, monitor: str) -> list[tuple[Any, ...]]:
    # The share of drifted columns does not wait for labels: then it alarms without the target's own drift.
    found = await pool.fetch(
        "SELECT at, kind, column_name, metric, message FROM tidegauge.event WHERE monitor = $1 "
        "AND metric <> 'drift_share' ORDER BY at, column_name, metric",
        monitor,
    )
    return [tuple(row.values()) for row in found]


@pytest.mark.parametrize(
    ("restart_every", "window"), [(0, "size: 3d, hop: 1d"), (1, "size: 3d, hop: 1d"), (7, "size_rows: 300")]
)
async def test_late_labels_end_in_the_same_numbers(
    tmp_path: Path, pool: asyncpg.Pool, restart_every: int, window: str
) -> None:
    """With labels five days late every number, alarm and change point is that of the run with all at once."""
    frame = rows(worse_from=6)
    punctual = lay_out(tmp_path / "punctual", frame, "", more="", window=window)
    late = lay_out(tmp_path / "late", frame, "{change: label_delay, delay: 5d, from: 0.25}", window=window)
    await run(punctual, pool)
    reports = await run(late, pool, restart_every=restart_every)
    assert await final(pool, "late") == await final(pool, "punctual")
    told = await events(pool, "late")
    assert told == await events(pool, "punctual")
    assert {"breach", "change_point"} <= {kind for _, kind, *_ in told}
    assert len(reports) == DAYS + 5
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.pending_row") == 0
    assert await pool.fetchval("SELECT sum(labels) FROM tidegauge.cycle_log") == len(frame) * 3 // 4
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.rejected_row") == 0


async def test_late_labels_reach_the_segments(tmp_path: Path, pool: asyncpg.Pool) -> None:
    """Measured by plan, each plan's figures end as if every label had come at once."""
    frame, by = rows(worse_from=6), "by: [plan]\nsegment_performance: {mae: 5.5}\n"
    punctual = lay_out(tmp_path / "punctual", frame, "", more=by)
    late = lay_out(tmp_path / "late", frame, "{change: label_delay, delay: 5d, from: 0.25}", more=LABELS + by)
    await run(punctual, pool)
    await run(late, pool, restart_every=3)
    found = await final(pool, "late")
    assert found == await final(pool, "punctual")
    assert {row[3] for row in found if row[4] == "mae"} == {"", "plan=basic", "plan=plus", "plan=pro"}


@pytest.mark.parametrize("restart_every", [0, 1])
async def test_rows_need_not_have_the_target(tmp_path: Path, pool: asyncpg.Pool, restart_every: int) -> None:
    """A file of predictions alone ends in the same numbers, and that the target is not there is no event."""
    punctual = lay_out(tmp_path / "punctual", rows(), "", more="")
    late = lay_out(tmp_path / "late", rows(), "{change: label_delay, delay: 5d}")
    file = tmp_path / "late/rows.parquet"
    pd.read_parquet(file).drop(columns="truth").to_parquet(file)
    await run(punctual, pool)
    await run(late, pool, restart_every=restart_every)
    assert await final(pool, "late") == await final(pool, "punctual")
    assert await events(pool, "late") == await events(pool, "punctual")


async def test_nothing_but_performance_moves_and_history_stays(tmp_path: Path, pool: asyncpg.Pool) -> None:
    """The first revision, without labels, is kept; later ones leave the features' drift alone."""
    late = lay_out(tmp_path / "late", rows(), "{change: label_delay, delay: 5d}")
    await run(late, pool)
    history = await pool.fetch(
        "SELECT window_end, revision, metric, value, reason FROM tidegauge.metrics_history "
        "WHERE metric IN ('mae', 'pending_rows') ORDER BY revision"
    )
    by_window: dict[Any, dict[str, list[Any]]] = {}
    for row in history:
        by_window.setdefault(row["window_end"], {}).setdefault(row["metric"], []).append(row)
    assert len(by_window) == DAYS
    for series in by_window.values():
        mae, waiting = series["mae"], [row["value"] for row in series["pending_rows"]]
        assert mae[0]["value"] is None
        assert mae[0]["reason"].startswith("no labels yet")
        assert mae[-1]["value"] is not None
        assert waiting == sorted(waiting, reverse=True)
        assert waiting[-1] == 0
    assert not await pool.fetch(
        "SELECT FROM tidegauge.metrics_history WHERE aspect IN ('drift', 'quality') "
        "AND column_name NOT IN ('truth', '') AND metric NOT LIKE 'error_change%' "
        "GROUP BY window_end, column_name, metric, definition HAVING count(DISTINCT (value, reason)) > 1"
    )


class Stream:
    """Gives takes one by one, whatever their rows and labels are."""

    def __init__(self, takes: list[Take]) -> None:
        self._takes = takes

    async def take(self, position: dict[str, Any] | None) -> Take:
        place = position["place"] if position else 0
        return replace(self._takes[place], position={"place": place + 1})

    async def close(self) -> None:
        return None


def a_take(
    day: int, ids: list[str], truth: float | None = None, labels: dict[str, float] | None = None
) -> Take:
    """Return rows of a day under `ids`, all with the same label or without, and labels of the day's end."""
    count = len(ids)
    columns: dict[str, Numbers | Labels] = {"guess": Numbers(np.full(count, 10.0))}
    if truth is not None:
        columns["truth"] = Numbers(np.full(count, truth))
    hashes = row_hash.of_texts(np.array(ids, dtype=np.str_))
    batch = Batch(count, day * DAY + np.arange(count, dtype=np.int64), columns, Arrival(identity=hashes))
    late = None
    if labels is not None:
        names = np.array(list(labels), dtype=np.str_)
        shown, codes = np.unique(names, return_inverse=True)
        values = Numbers(np.array(list(labels.values()), dtype=np.float64))
        at = np.full(len(labels), (day + 1) * DAY - 1, dtype=np.int64)
        late = LateLabels(row_hash.of_texts(names), values, at, Labels(codes, shown), until=(day + 1) * DAY)
    return Take(batch, {}, watermark=(day + 1) * DAY, labels=late)


SMALL = Schema(
    (Column("guess", Kind.NUMERICAL, Role.PREDICTION), Column("truth", Kind.NUMERICAL, Role.TARGET)),
    identity="key",
)


async def follow(
    pool: asyncpg.Pool,
    takes: list[Take],
    *,
    wait: int | None = 3 * DAY,
    breach: float | None = None,
    done: int = 0,
) -> list[CycleReport]:
    """Run a cycle a take over tumbling days, all but the ones `done` before."""

    async def load() -> Reference:
        return reference.of(a_take(0, ["r1", "r2"], truth=11.0).batch, SMALL)

    watched = MonitorPlan(
        name="small",
        schema=SMALL,
        window=WindowPlan(Unit.TIME, DAY, min_rows=1),
        measures=MeasurePlan(performance={} if breach is None else {"mae": breach}),
        alarm=AlarmPlan(breaches=1, windows=1),
        source=Stream(takes),
        load_reference=load,
        label_wait=wait,
    )
    async with workers() as compute:
        cycle = Cycle(watched, PostgresStore(pool), compute, now=lambda: 10**15)
        return [await cycle.run(number) for number in range(done, len(takes))]


async def test_a_check_knows_that_labels_come_later(tmp_path: Path) -> None:
    """Rows without the target are as they should be; without the id no label would find them."""
    path = lay_out(tmp_path / "late", rows(), "{change: label_delay, delay: 5d}")
    file = tmp_path / "late/rows.parquet"
    pd.read_parquet(file).drop(columns="truth").to_parquet(file)
    look = await look_at(monitor_file.load(path, path.parent))
    assert [found for found in findings(look) if found.level == "fault"] == []
    assert look.labels is not None
    assert look.labels.matched == look.labels.late == look.labels.with_label == look.labels.rows
    pd.read_parquet(file).drop(columns="key").to_parquet(file)
    found = findings(await look_at(monitor_file.load(path, path.parent)))
    faults = [str(each) for each in found if each.level == "fault"]
    assert faults == ["late: source: it has no column 'key', the id that labels go by"]


async def waiting(pool: asyncpg.Pool) -> int:
    found: int = await pool.fetchval("SELECT count(*) FROM tidegauge.pending_row")
    return found


async def test_what_finds_no_row_is_a_rejected_row(pool: asyncpg.Pool) -> None:
    """Unknown ids, labels before their row and second labels are kept with the reason, and change nothing."""
    takes = [
        a_take(0, ["a", "b"], labels={"early": 1.0, "a": 12.0}),
        a_take(1, ["early", "c"], labels={"a": 99.0, "nobody": 1.0}),
        a_take(2, ["d"], truth=11.0, labels={"d": 99.0}),
    ]
    reports = await follow(pool, takes)
    assert [report.record.rejected for report in reports] == [1, 2, 1]
    found = await pool.fetch("SELECT \"row\" ->> 'id' AS id, reason FROM tidegauge.rejected_row")
    second, unknown = join.LABELLED, join.NOT_WAITING
    assert {row["id"]: row["reason"] for row in found} == {
        "a": second, "d": unknown, "early": unknown, "nobody": unknown,
    }  # fmt: skip
    errors = await pool.fetch("SELECT value FROM tidegauge.metrics WHERE metric = 'mae' ORDER BY window_end")
    assert [row["value"] for row in errors] == [2.0, None, 1.0]
    assert await waiting(pool) == 3


async def test_a_row_that_came_twice_is_labelled_twice(pool: asyncpg.Pool) -> None:
    """The label goes to every row that waits under its id, in whichever window."""
    takes = [a_take(0, ["a", "a"]), a_take(1, ["a", "b"]), a_take(2, ["c"], labels={"a": 13.0})]
    await follow(pool, takes)
    found = await pool.fetch(
        "SELECT metric, value, revision FROM tidegauge.metrics WHERE metric IN ('mae', 'pending_rows') "
        "ORDER BY metric, window_end"
    )
    assert [tuple(row) for row in found] == [
        ("mae", 3.0, 2), ("mae", 3.0, 2), ("mae", None, 1),
        ("pending_rows", 0.0, 2), ("pending_rows", 1.0, 2), ("pending_rows", 1.0, 1),
    ]  # fmt: skip


async def test_a_row_that_waits_too_long_is_given_up(pool: asyncpg.Pool) -> None:
    """After the wait it is deleted and counted in the cycle's log; a label then finds nothing."""
    takes = [a_take(day, [f"row {day}"], labels={}) for day in range(5)]
    takes.append(a_take(5, [], labels={"row 0": 11.0, "row 4": 11.0}))
    reports = await follow(pool, takes)
    assert [report.record.rejected for report in reports] == [0, 0, 0, 0, 0, 1]
    logged = await pool.fetch("SELECT given_up, labels FROM tidegauge.cycle_log ORDER BY id")
    assert [(row["given_up"], row["labels"]) for row in logged] == [(0, 0)] * 3 + [(1, 0), (1, 0), (1, 1)]
    assert await waiting(pool) == 1


async def test_without_late_labels_nothing_waits(pool: asyncpg.Pool) -> None:
    """A monitor that expects none keeps no row, and forgets what an earlier one of its name kept."""
    await follow(pool, [a_take(0, ["a"])])
    assert await waiting(pool) == 1
    await follow(pool, [a_take(0, ["a"]), a_take(1, ["b"])], wait=None, done=1)
    assert await waiting(pool) == 0


async def test_a_late_verdict_raises_its_alarm_once(pool: asyncpg.Pool) -> None:
    """A model that failed days ago alarms when the labels come, at its window's end; and so it ends."""
    takes = [a_take(day, [f"{day}a", f"{day}b"], labels={}) for day in range(2)]
    takes += [
        a_take(2, ["2a"], labels={"0a": 10.0, "0b": 10.0, "1a": 30.0}),  # the first half of day 1
        a_take(3, ["3a"], labels={"1b": 30.0}),
        a_take(4, ["4a"], labels={"2a": 10.0}),
        a_take(5, ["5a"], labels={"3a": 10.0}),
    ]
    reports = await follow(pool, takes, breach=5.0)
    told = [
        [(event.kind, event.at) for event in report.record.events if event.metric == "mae"]
        for report in reports
    ]
    assert told == [[], [], [], [("breach", 2 * DAY)], [("recovery", 3 * DAY)], []]


async def test_a_flood_of_labels_is_worked_off_cycle_by_cycle(pool: asyncpg.Pool) -> None:
    """Labels for a hundred windows at once measure a bounded number of them a cycle, until all are."""
    takes = [a_take(day, [f"row {day}"]) for day in range(100)]
    takes.append(a_take(100, [], labels={f"row {day}": 11.0 for day in range(100)}))
    takes += [replace(a_take(101, []), watermark=None)] * 4
    reports = await follow(pool, takes)
    flood = [sum(w.last < 100 for w in report.record.windows) for report in reports[100:]]
    assert flood == [32, 32, 32, 4, 0]
    assert [report.record.after.labelling.again == () for report in reports[100:]] == [False] * 3 + [True] * 2
    missing = "SELECT count(*) FROM tidegauge.metrics WHERE metric = 'mae' AND value IS NULL AND rows > 0"
    assert await pool.fetchval(missing) == 0
