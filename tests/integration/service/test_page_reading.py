"""The queries of the live page, on a real server."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from service.core.alarm_state import AlarmName
from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord
from service.core.event import Event
from service.core.measurement import Aspect, Measurement, Series
from service.core.read_models import LatestWindow, SeriesFilter, StoredMeasurement
from service.core.reference.bins import MISSING, Binned, Bins
from service.core.rows.schema import Kind
from service.core.windows.records import WindowRecord
from service.store import queries
from service.store.postgres import PostgresStore
from service.store.tables import drawn_distribution

DAY = 86_400_000_000
FIRST_DAY = 16_000 * DAY
PSI = Series(Aspect.DRIFT, "psi", "size", definition="robust", unit="nats")
MAE = Series(Aspect.PERFORMANCE, "mae")
SEEN = "drift|size"
SHOP = SeriesFilter(monitor="shop")


def window(day: int, *measurements: Measurement) -> WindowRecord:
    start = FIRST_DAY + day * DAY
    return WindowRecord(day, day, start, start + DAY, 1, 10, measurements)


def psi(value: float) -> Measurement:
    return Measurement(PSI, value, 10, threshold=0.1, breached=value > 0.1)


def raised(day: int, column: str = "size", kind: str = "breach") -> Event:
    details = {"aspect": "drift", "segment": "", "definition": "robust"}
    return Event(kind, FIRST_DAY + day * DAY, f"{column} on day {day}", column, "psi", details)


class History:
    """A monitor's cycles, one after the other."""

    def __init__(self, pool: asyncpg.Pool, monitor: str = "shop") -> None:
        self.store = PostgresStore(pool)
        self.monitor = monitor
        self.done = 0

    async def cycle(self, *windows: WindowRecord, **more: Any) -> None:
        self.done += 1
        after = Checkpoint(cycle=self.done, closed=self.done, alarms=more.pop("alarms", {}))
        record = CycleRecord(self.monitor, "l", after, FIRST_DAY, FIRST_DAY, 10, windows=windows, **more)
        assert await self.store.commit(record)


@pytest.fixture
def shop(pool: asyncpg.Pool) -> History:
    return History(pool)


async def test_a_chart_has_what_the_view_has(pool: asyncpg.Pool, shop: History) -> None:
    """Each window's latest revision, in event time's order, column by column as the view says it."""
    await shop.cycle(window(1, psi(0.2)), window(2, psi(0.3), Measurement(MAE, 5.0, 10)))
    await shop.cycle(window(1, psi(0.05)), window(3, Measurement(PSI, None, 0, "no rows in the window")))
    await History(pool, "other").cycle(window(9, psi(0.9)))
    got = await queries.measurements_by_event_time(pool, SHOP, limit=100)
    assert got == await queries.measurements(pool, SHOP)
    assert [row.value for row in got if row.metric == "psi"] == [0.05, 0.3, None]


async def test_a_measurement_has_every_column_of_the_view(pool: asyncpg.Pool) -> None:
    """A column that a migration adds to `metrics` must be read back, or programs would miss it in silence."""
    columns = await pool.fetch(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'tidegauge' AND table_name = 'metrics'"
    )
    assert {row["column_name"] for row in columns} == {field.name for field in fields(StoredMeasurement)}


async def test_a_chart_has_the_newest_windows_of_one_series(pool: asyncpg.Pool, shop: History) -> None:
    """`limit` counts from the end of event time, `since` is compared with it, and an empty part is a part."""
    await shop.cycle(*(window(day, psi(day / 100), Measurement(MAE, 1.0, 10)) for day in range(1, 9)))
    series = replace(SHOP, aspect="drift", column="size", segment="", metric="psi", definition="robust")
    newest = await queries.measurements_by_event_time(pool, series, limit=3)
    assert [row.value for row in newest] == [0.06, 0.07, 0.08]
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=16_000 + 8)
    late = await queries.measurements_by_event_time(pool, series, limit=3, since=since)
    assert [row.value for row in late] == [0.07, 0.08]
    other = replace(series, definition="")
    assert await queries.measurements_by_event_time(pool, other, limit=3) == []
    cycles = await queries.measurements_by_event_time(pool, replace(SHOP, metric="cycle_rows"), limit=3)
    assert [row.value for row in cycles] == [10.0]


async def test_the_newest_window_comes_with_its_alarms(pool: asyncpg.Pool, shop: History) -> None:
    """The most severe value comes first, the cycle's own health last; a late row's window is not it."""
    assert await queries.latest_window(pool, "shop") == LatestWindow(
        window=None, values=[], alarms={}, started=False
    )
    alarms = {SEEN: "xx!"}
    await shop.cycle(window(2, Measurement(MAE, 5.0, 10), psi(0.3)), alarms=alarms)
    await shop.cycle(window(1, psi(0.9)), alarms=alarms)
    found = await queries.latest_window(pool, "shop")
    rows = found.values
    assert found.window is not None
    assert found.window.window_end == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=16_003)
    assert [row.metric for row in rows][:2] == ["psi", "mae"]
    assert rows[0].severity == pytest.approx(3.0)
    assert {row.metric for row in rows[2:]} >= {"cycle_ms", "cycle_rows"}
    assert found.alarms == alarms


async def test_an_alarm_knows_when_it_was_raised_last(pool: asyncpg.Pool, shop: History) -> None:
    """Of several the last one counts, never another series'; a column's drift has one in all."""
    quality = replace(raised(3), details={"aspect": "quality", "segment": "", "definition": "robust"})
    recovery = raised(6, kind="recovery")
    await shop.cycle(events=(raised(1), quality, raised(5), recovery, raised(7, "colour")))
    size = AlarmName(Aspect.DRIFT, "size", "", "psi", "robust")
    other_method = replace(size, metric="ks", definition="")
    colour, of_quality = replace(size, column="colour"), replace(size, aspect=Aspect.QUALITY)
    never = replace(of_quality, definition="")
    found = await queries.raised(pool, "shop", [never, size, other_method, colour, of_quality])
    assert [start and start.message for start in found] == [
        None, "size on day 5", "size on day 5", "colour on day 7", "size on day 3",
    ]  # fmt: skip
    assert await queries.raised(pool, "shop", []) == []


async def test_events_come_newest_first(pool: asyncpg.Pool, shop: History) -> None:
    """By when they were recorded, of the kind asked for, no more than asked for."""
    await shop.cycle(events=(raised(9),))
    await shop.cycle(events=(raised(3), raised(4, kind="recovery")))
    every = await queries.events(pool, monitor="shop", since=None, kind=None, limit=9)
    assert [row.message for row in every] == ["size on day 4", "size on day 3", "size on day 9"]
    breaches = await queries.events(pool, monitor="shop", since=every[0].recorded_at, kind="breach", limit=9)
    assert [row.message for row in breaches] == ["size on day 3"]
    assert len(await queries.events(pool, monitor="shop", since=None, kind=None, limit=1)) == 1


async def test_a_distribution_is_that_of_the_newest_window(pool: asyncpg.Pool, shop: History) -> None:
    """Of the latest revision, its bins in order, unless a window is asked for; no bins of another column."""
    bins = Bins(
        "size", Kind.NUMERICAL, (None, 0.0, None), (0.0, None, None), ("below 0", "more", MISSING), (1, 3, 0)
    )
    for day, counts in ((1, (5, 5, 0)), (2, (9, 1, 0)), (2, (2, 7, 1))):
        await shop.cycle(replace(window(day, psi(0.1)), distributions=(Binned(bins, counts),)))
    newest = await drawn_distribution.read(pool, monitor="shop", column="size", window_end=None)
    assert [(bin_.label, bin_.share, bin_.reference_share) for bin_ in newest.bins] == [
        ("below 0", 0.2, 0.25), ("more", 0.7, 0.75), (MISSING, 0.1, 0.0),
    ]  # fmt: skip
    assert newest.window is not None
    assert newest.window.revision == 2
    older = newest.window.window_end - timedelta(days=1)
    found = await drawn_distribution.read(pool, monitor="shop", column="size", window_end=older)
    assert [bin_.share for bin_ in found.bins] == [0.5, 0.5, 0.0]
    none = await drawn_distribution.read(pool, monitor="shop", column="colour", window_end=None)
    assert (none.window, none.bins) == (None, [])


async def test_series_are_listed(pool: asyncpg.Pool, shop: History) -> None:
    """Each once, with its unit and which way it gets worse."""
    await shop.cycle(window(1, psi(0.1), Measurement(MAE, 5.0, 10)))
    await shop.cycle(window(2, psi(0.1), Measurement(replace(MAE, segment="north"), 5.0, 10)))
    rows = await queries.series(pool, "shop")
    assert [(row.metric, row.segment, row.unit, row.worse) for row in rows] == [
        ("psi", "", "nats", "higher"), ("mae", "", "", "higher"), ("mae", "north", "", "higher"),
    ]  # fmt: skip
