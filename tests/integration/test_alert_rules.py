"""Alert rules and the states of monitors, on the migrated database, as Grafana's role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.core.event import Event
from service.core.time_units import to_microseconds
from service.store.postgres import PostgresStore
from service.store.tables import story
from tests import filled_store
from tests.integration.filled_pages import SECOND, one_cycle
from tests.unit.grafana.dashboards import (
    rule_queries,
    rules,
)

if TYPE_CHECKING:
    pass

each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])


@each_rule
async def test_a_rule_gives_one_number_by_its_labels(
    pool: asyncpg.Pool, reader: asyncpg.Connection, rule: dict[str, object]
) -> None:
    """Empty or full: exactly one number, the other columns text without NULL, alike in every query."""
    for full in (False, True):
        if full:
            await filled_store.fill(pool, monitors=2, sparse=5, dense=40)
        labels = set()
        for letter, sql in rule_queries(rule).items():
            statement = await reader.prepare(sql)
            kinds = [(a.name, a.type.name) for a in statement.get_attributes()]
            assert [kind for _, kind in kinds if kind != "text"] == ["float8"], letter
            rows = await statement.fetch()
            # S adds the story to the labels, for the message alone.
            names = [name for name, kind in kinds if kind == "text" and name != "story"]
            assert all(row[name] is not None for row in rows for name in names)
            labels.add(tuple(sorted(tuple(row[name] for name in names) for row in rows)))
        assert len(labels) == 1


async def test_a_message_has_the_monitors_story(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """Each alert of a monitor carries the text that the page and `tidegauge status` show."""
    await one_cycle(pool)
    (told,) = await story.read_all(pool)
    for uid in ("tidegauge-aspect-breached", "tidegauge-performance"):
        (rule,) = (rule for rule in rules() if rule["uid"] == uid)
        rows = await reader.fetch(rule_queries(rule)["S"])
        assert rows
        assert {row["story"] for row in rows} == {told.story}
        assert told.story.startswith("Worse")
        assert rule["annotations"]["story"] == "{{ with .Values.S }}{{ .Labels.story }}{{ end }}"


async def _alerts(reader: asyncpg.Connection, uid: str) -> list[tuple[object, ...]]:
    """Return the labels of the alerts that a rule would raise now, as Grafana's threshold says."""
    (rule,) = (rule for rule in rules() if rule["uid"] == uid)
    (limit,) = rule["data"][-1]["model"]["conditions"][0]["evaluator"]["params"]
    rows = await reader.fetch(rule_queries(rule)["A"])
    return [tuple(row.values())[:-1] for row in rows if tuple(row.values())[-1] > limit]


async def test_alerts_name_what_is_wrong(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A drifted column and a bad error raise an alert each, with the newest value, threshold and window."""
    measured = await one_cycle(pool, rejected=7)
    drifted = await _alerts(reader, "tidegauge-aspect-breached")
    assert ("flights", "drift", "distance", "wasserstein evidently") in drifted
    assert await _alerts(reader, "tidegauge-performance") == [("flights", "performance", "", "mae")]
    assert await _alerts(reader, "tidegauge-rejected-rows") == [("flights",)]
    assert await _alerts(reader, "tidegauge-monitor-silent") == []
    assert await _alerts(reader, "tidegauge-service-down") == []
    (mae,) = (m for m in measured.measurements if m.series.metric == "mae")
    (row,) = await reader.fetch("SELECT * FROM tidegauge.alarms WHERE metric = 'mae'")
    assert (row["value"], row["threshold"]) == (mae.value, mae.threshold)
    assert to_microseconds(row["window_end"]) == measured.end


async def test_nothing_alerts_where_all_is_well(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A window like the reference raises no alert, and an ended alarm's alert is gone."""
    await one_cycle(pool)
    to, now = filled_store.known(), int(datetime.now(UTC).timestamp()) * SECOND
    calm = filled_store.measured(filled_store.rows(4_000, 1), 1, to)
    await filled_store.commit(PostgresStore(pool), "flights", 2, calm, now=now)
    assert {rule["uid"]: await _alerts(reader, rule["uid"]) for rule in rules()} == {
        rule["uid"]: [] for rule in rules()
    }
    assert await reader.fetchval("SELECT state FROM tidegauge.monitors") == "fine"


async def age(pool: asyncpg.Pool, by: timedelta) -> None:
    """Make every cycle and event older, as if nothing had happened since."""
    await pool.execute(
        "UPDATE tidegauge.cycle_log SET (started_at, finished_at) = "
        "(started_at - $1::interval, finished_at - $1::interval)",
        by,
    )
    await pool.execute("UPDATE tidegauge.event SET recorded_at = recorded_at - $1::interval", by)


async def test_a_monitor_without_cycles_is_silent(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """After three cycle times without a cycle the monitor is silent, and the service is down."""
    await one_cycle(pool)
    await age(pool, timedelta(hours=1))
    assert await _alerts(reader, "tidegauge-monitor-silent") == [("flights",)]
    assert await _alerts(reader, "tidegauge-service-down") == [()]
    assert await reader.fetchval("SELECT state FROM tidegauge.monitors") == "silent"


async def test_a_replay_that_ended_is_no_silence(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A source with nothing left is not waited for."""
    await one_cycle(pool, events=(Event("ended", 0, "the source has nothing left"),))
    await age(pool, timedelta(hours=1))
    assert await _alerts(reader, "tidegauge-monitor-silent") == []
    assert await _alerts(reader, "tidegauge-service-down") == []


async def test_a_failing_monitor_is_failing_at_once_and_silent_later(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """A failed cycle shows at once; it alerts once three cycle times have passed without a good one."""
    await one_cycle(pool)
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await PostgresStore(pool).record_failed("flights", now, now, "the file is gone", seconds=0.5)
    assert await reader.fetchval("SELECT state FROM tidegauge.monitors") == "failing"
    assert await _alerts(reader, "tidegauge-monitor-silent") == []
    await age(pool, timedelta(hours=1))
    await PostgresStore(pool).record_failed("flights", now, now, "the file is gone", seconds=0.5)
    assert await _alerts(reader, "tidegauge-monitor-silent") == [("flights",)]


async def test_a_monitor_that_never_worked_is_silent(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A monitor whose first cycle failed is there, failing, and alerts."""
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await PostgresStore(pool).record_failed("flights", now, now, "the file is gone", seconds=0.5)
    row = await reader.fetchrow("SELECT state, silent, since FROM tidegauge.monitors")
    assert tuple(row) == ("failing", True, None)


async def test_since_is_when_the_oldest_alarm_was_raised(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """The overview says since when a monitor is not fine: the oldest alarm still raised."""
    await one_cycle(pool)
    row = await reader.fetchrow(
        "SELECT state, since, (SELECT min(recorded_at) FROM tidegauge.event) AS first FROM tidegauge.monitors"
    )
    assert (row["state"], row["since"]) == ("alarm", row["first"])
    assert await reader.fetchval("SELECT count(DISTINCT since) FROM tidegauge.alarms") == 1
