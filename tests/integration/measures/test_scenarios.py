"""What is caught of each scenario, and how soon: from the written file through the replay to the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
import yaml

from service.core.checkpoint import Checkpoint
from service.core.measurement import Aspect
from service.core.profile.profile import empty
from service.core.profile.profile import of as profile_of
from service.core.rows.take import Take
from service.core.windows import window
from service.core.windows.panes import Pane, measure_windows, merge_into, profile_panes
from service.methods.measure_window import measure
from service.sources.replay.source import ReplayOptions, ReplaySource
from service.sources.tables.file import read_rows
from service.sources.tables.from_pandas import to_batch
from simulator import scenario_data
from simulator.changes.registry import CHANGES
from simulator.scenario import Applied, apply
from simulator.scenario_file import parse
from tests.integration.measures.scenario_table import (
    ALARMS,
    DAY,
    DAYS,
    PAGE,
    PLAN,
    ROWS_A_DAY,
    SCHEMA,
    TABLE,
    WINDOWS,
    Expected,
    Signal,
    steady,
    with_table,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.windows.records import WindowRecord

ROWS = steady(DAYS * ROWS_A_DAY, seed=1)
HEAD = "timestamp: at\nprediction: guess\ntarget: truth\nseed: 11\nchanges: "


def changed(change: str) -> Applied:
    """Apply one change to the steady rows; none where the text is empty."""
    return apply(parse(f"{HEAD}[{{{change}}}]", "table.yaml"), ROWS) if change else Applied(ROWS)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Profile a reference of the same kind as the steady rows, read from its file."""
    path = tmp_path_factory.mktemp("reference") / "reference.parquet"
    steady(6_000, seed=2).to_parquet(path)
    return profile_of(read_rows(path, SCHEMA), SCHEMA)


async def replayed(path: Path) -> AsyncIterator[Take]:
    """Give a file's takes, a day each."""
    source = ReplaySource(ReplayOptions(path, "at", step_us=DAY), SCHEMA)
    position = None
    while True:
        take = await source.take(position)
        yield take
        position = take.position
        if take.exhausted:
            await source.close()
            return


async def arriving(rows: pd.DataFrame) -> AsyncIterator[Take]:
    """Give rows as a door would: a day of arrivals each, whatever their event times."""
    days = rows["arrived_at"].dt.floor("1D")
    for day, part in rows.groupby(days, sort=True):
        until = int(pd.Timestamp(day).value) // 1_000 + DAY
        yield Take(to_batch(part.drop(columns="arrived_at"), SCHEMA, "at").batch, {}, watermark=until)


async def measured(takes: AsyncIterator[Take], reference: Profile) -> list[WindowRecord]:
    """Return every window in the order of its measuring, re-measured ones again, as a cycle does it."""
    state, panes, records = Checkpoint(), dict[int, Pane](), list["WindowRecord"]()
    async for take in takes:
        fresh = profile_panes(take.batch, SCHEMA, WINDOWS, state.rows)
        after = state.after(take, WINDOWS)
        panes |= merge_into(panes, fresh)
        due = window.due(
            WINDOWS, before=state.closed, now=after.closed, touched=fresh.keys(), held=panes.keys()
        )
        records += measure_windows(
            due, panes, empty(SCHEMA), WINDOWS, lambda current: measure(reference, current, SCHEMA, PLAN)
        )
        state = after
    return records


def looked_at(signal: Signal, measurements: Sequence[Measurement]) -> Measurement:
    """Return the measurement that a signal is about."""
    alarm = ALARMS[signal.alarm]
    return next(
        m
        for m in measurements
        if m.series.column == signal.column
        and m.series.aspect is alarm.aspect
        and alarm.metric in {"", m.series.metric}
        and alarm.definition in {"", m.series.definition}
    )


def ringing(signal: Signal, windows: Sequence[WindowRecord]) -> list[int]:
    """Return which windows, counted from the first, have the alarm."""
    rings = ALARMS[signal.alarm].rings
    return [n for n, record in enumerate(windows) if rings(looked_at(signal, record.measurements))]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_each_scenario_is_caught_and_nothing_else_rings(
    tmp_path: Path, reference: Profile, row: Expected
) -> None:
    """What must catch it rings in time and not before; what must be silent is so in every window."""
    path = tmp_path / "rows.parquet"
    scenario_data.write(changed(row.change), path)
    windows = await measured(replayed(path), reference)
    assert len(windows) == DAYS
    rung = {signal: ringing(signal, windows) for signal in (*row.caught, *row.misled, *row.silent)}
    late = {
        str(s): rung[s]
        for s, n in row.caught.items()
        if not set(rung[s]) & set(range(row.first, row.first + n))
    }
    early = {str(s): rung[s] for s in (*row.caught, *row.misled) if min(rung[s], default=99) < row.first}
    loud = {str(s): rung[s] for s in row.silent if rung[s]}
    unmisled = [str(s) for s in row.misled if not rung[s]]
    assert (late, early, loud, unmisled) == ({}, {}, {}, [])


@pytest.mark.parametrize(
    ("name", "after"), [("missing", 10), ("spike", 9), ("outage", 11), ("duplicated", 10)]
)
async def test_what_passes_is_silent_again(tmp_path: Path, reference: Profile, name: str, after: int) -> None:
    """When the change is over its alarm is, too."""
    row = next(row for row in TABLE if row.name == name)
    path = tmp_path / "rows.parquet"
    scenario_data.write(changed(row.change), path)
    windows = await measured(replayed(path), reference)
    for signal in row.caught:
        assert ringing(signal, windows) == list(range(row.first, after))


async def test_drift_that_recurs_rings_each_time(tmp_path: Path, reference: Profile) -> None:
    """Two days of every four ring, the others do not."""
    row = next(row for row in TABLE if row.name == "recurring")
    path = tmp_path / "rows.parquet"
    scenario_data.write(changed(row.change), path)
    windows = await measured(replayed(path), reference)
    assert ringing(Signal("drift", "a"), windows) == [4, 5, 8, 9, 12, 13]


async def test_an_outage_leaves_empty_windows(tmp_path: Path, reference: Profile) -> None:
    """Windows without rows are there, with the number 0 and reasons instead of drift and errors."""
    path = tmp_path / "rows.parquet"
    scenario_data.write(changed("change: outage, from: 0.5, over: 3d"), path)
    windows = await measured(replayed(path), reference)
    assert [record.rows for record in windows[7:12]] == [ROWS_A_DAY, 0, 0, 0, ROWS_A_DAY]
    for record in windows[8:11]:
        numbers = [m for m in record.measurements if m.series.aspect in {Aspect.DRIFT, Aspect.PERFORMANCE}]
        assert all(m.reason for m in numbers if m.series.metric != "pending_rows")


async def test_a_column_that_vanished_has_a_reason_and_stops_no_other(
    tmp_path: Path, reference: Profile
) -> None:
    """No drift number for it, and one for every other column."""
    path = tmp_path / "rows.parquet"
    scenario_data.write(changed("change: vanished, columns: b, from: 0.5"), path)
    last = (await measured(replayed(path), reference))[-1].measurements
    drift = {m.series.column: m for m in last if m.series.aspect is Aspect.DRIFT and m.series.column}
    assert {name for name, m in drift.items() if m.value is None} == {"b"}
    assert drift["b"].reason == "no value in the window"


async def test_late_rows_end_in_the_same_windows(tmp_path: Path, reference: Profile) -> None:
    """Short at first, windows are measured again as rows come in late, and end equal to the steady ones."""
    path = tmp_path / "rows.parquet"
    ROWS.to_parquet(path)
    punctual = {record.last: record for record in await measured(replayed(path), reference)}
    rows = changed("change: late, delay: 3d, share: 0.3, from: 0.5, over: 2d").rows
    records = await measured(arriving(rows), reference)
    first = {record.last: record for record in reversed(records)}
    final = {record.last: record for record in records}
    keys = sorted(punctual)
    assert [first[key].rows < ROWS_A_DAY for key in keys[7:11]] == [False, True, True, False]
    assert len(records) > DAYS
    for key in keys:
        assert _but_order(final[key].measurements) == _but_order(punctual[key].measurements)


def _but_order(measurements: Sequence[Measurement]) -> list[Measurement]:
    # Whether rows came in order is the one thing that differs by design.
    return [m for m in measurements if m.series.metric != ALARMS["out of order"].metric]


async def test_late_labels_complete_the_error(tmp_path: Path, reference: Profile) -> None:
    """Rows and late labels joined by id give the errors of the rows that had them at once."""
    applied = changed("change: label_delay, delay: 5d, from: 0.5")
    assert applied.labels is not None
    labels = applied.labels.set_index("row_id")["truth"]
    joined = applied.rows.assign(
        truth=applied.rows["truth"].fillna(applied.rows["row_id"].map(labels).astype(float))
    )
    files = {"waiting": applied.rows, "joined": joined, "steady": ROWS}
    errors = {}
    for name, frame in files.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
        windows = await measured(replayed(tmp_path / f"{name}.parquet"), reference)
        errors[name] = [looked_at(Signal("mae"), record.measurements) for record in windows]
    assert errors["joined"] == errors["steady"]
    assert {m.reason for m in errors["waiting"][8:]} == {"no labels yet"}
    assert errors["waiting"][:8] == errors["steady"][:8]


def test_every_kind_of_change_is_in_the_table() -> None:
    """No change is without an expectation."""
    tried = {yaml.safe_load(f"{{{row.change}}}")["change"] for row in TABLE if row.change}
    assert tried == set(CHANGES)


def test_the_page_shows_the_table() -> None:
    """The documentation holds what is tested here; see the table's own module for how it is written."""
    page = PAGE.read_text()
    assert page == with_table(page)


def test_the_page_names_every_key_of_every_change() -> None:
    """What a scenario file may say is documented."""
    page = PAGE.read_text()
    for name, change in CHANGES.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        shared = {"from", "until", "over", "columns"}
        keys = {field.alias or key for key, field in change.options.model_fields.items()} - shared
        assert not {key for key in keys if f"`{key}`" not in line}, name


def test_the_example_of_the_page_is_a_scenario() -> None:
    """The file shown can be read."""
    example = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    assert len(parse(example, "example").steps) >= 3
