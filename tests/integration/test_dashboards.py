"""Every piece of SQL in the dashboards runs on the migrated database, as Grafana's role."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests import filled_store
from tests.integration.filled_pages import ALL, CHOICES, expanded, one_cycle
from tests.unit.grafana.dashboards import (
    FILES,
    all_sql,
    first_screen,
    load,
    panel_queries,
    panels,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.grafana.macros import Value

AXES = ("computed_at", "window_end")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_axis = pytest.mark.parametrize("axis", AXES)


def _choices(path: Path) -> list[dict[str, Value]]:
    several = [v["name"] for v in load(path)["templating"]["list"] if v.get("includeAll")]
    return [{}, {name: ALL[name] for name in several}] if several else [{}]


async def _answers(
    reader: asyncpg.Connection, path: Path, axis: str, **choices: Value
) -> dict[str, list[asyncpg.Record]]:
    return {
        name: await reader.fetch(expanded(sql, axis, **choices)) for name, sql in all_sql(load(path)).items()
    }


def _quiet(found: dict[str, list[asyncpg.Record]]) -> set[str]:
    """Return the queries that found nothing: no row, or only the sentence that says so."""
    return {name for name, rows in found.items() if not rows or _is_sentence(rows)}


def _is_sentence(rows: list[asyncpg.Record]) -> bool:
    values = [value for row in rows for value in row.values() if value is not None]
    return len(values) == 1 and re.fullmatch(r"[A-Z].{5,}\.", str(values[0])) is not None


@each_file
@each_axis
async def test_every_query_runs_on_an_empty_store(reader: asyncpg.Connection, path: Path, axis: str) -> None:
    """Before anything was measured nothing shows an error or a zero; a table says in one sentence why."""
    for choices in _choices(path):
        tables = {f"{panel['title']}, A" for panel in panels(load(path)) if panel["type"] == "table"}
        for name, rows in (await _answers(reader, path, axis, **choices)).items():
            if name in tables:
                assert _is_sentence(rows), name
            else:
                assert [row for row in rows if any(value is not None for value in row.values())] == [], name


@each_file
async def test_every_query_runs_where_nothing_is_chosen(reader: asyncpg.Connection, path: Path) -> None:
    """A variable without choices is empty text: no panel shows an error for that."""
    await _answers(reader, path, "computed_at", **dict.fromkeys(CHOICES, ""))


@each_file
@each_axis
async def test_every_query_runs_after_one_cycle(
    pool: asyncpg.Pool, reader: asyncpg.Connection, path: Path, axis: str
) -> None:
    """One window is enough for every panel that has something to show of it."""
    await one_cycle(pool)
    for choices in _choices(path):
        found = await _answers(reader, path, axis, **choices)
        assert _quiet(found) <= QUIET[path.stem]


# What there is nothing to show of in a store where all went well and the last window was over its thresholds.
OTHERS = {"annotation Recoveries", "annotation Other events"}
QUIET = {
    "overview": set[str](),
    "monitor": OTHERS
    | {
        "Measurements without a value, and why, A",
        "Cycle time, A",
        "Unusual values, A",
        "What could be seen, A",
    }
    # The second query is for metrics that are shares, which mae is not.
    | {"Performance: ${performance}, B", "The metric against the reference, B"},
    # A column of labels has no range.
    "column": OTHERS | {"Out of range, infinite, unreadable, A"},
    "decline": OTHERS | {"Mean absolute error, B"},
    "health": OTHERS
    | {"Cycles that failed, A", "Rows that were refused, A", "Database round trip, A"}
    | {"Cycle time, A", "Rows per second, A", "Lag, A", "Skipped and failed cycles, A"}
    # No live source, and no service that holds leases.
    | {"Backlog, A", "Rows that had been counted before, A", "Events that wait for their other halves, A"}
    | {"Labels without a row, A", "Replicas, A", "Which replica measures which monitor, A"},
    "dummy": OTHERS
    | {"Newest row, A", "The random values, A", "The random labels, A"}
    | {"Rows and cycles per second, A"},
}


@each_axis
async def test_every_query_finds_what_was_measured(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """In a full store every query has rows on both time axes; those of lines have the form of lines."""
    await filled_store.fill(pool, monitors=2, sparse=5, dense=40)
    for path in FILES:
        found = await _answers(reader, path, axis)
        assert _quiet(found) <= QUIET[path.stem] | {"annotation Performance alarms and change points"}
        for name, target in panel_queries(load(path)):
            if target["format"] == "time_series":
                await _is_time_series(reader, expanded(target["rawSql"], axis), f"{path.stem}: {name}")


async def _is_time_series(reader: asyncpg.Connection, sql: str, name: str) -> None:
    """Check for a zoned `time` in ascending order, numbers, and at most one text that names the line."""
    statement = await reader.prepare(sql)
    types = {a.name: a.type.name for a in statement.get_attributes()}
    rows = await statement.fetch()
    assert types.pop("time") == "timestamptz", name
    texts = [column for column, kind in types.items() if kind == "text"]
    assert texts in ([], ["metric"], ["monitor"]), name
    assert {kind for column, kind in types.items() if column not in texts} == {"float8"}, name
    times = [row["time"] for row in rows]
    assert times == sorted(times), name
    lines = [tuple(row[column] for column in ("time", *texts)) for row in rows]
    assert len(lines) == len(set(lines)), name


@each_file
async def test_a_query_that_numbers_are_read_from_gives_numbers(
    pool: asyncpg.Pool, reader: asyncpg.Connection, path: Path
) -> None:
    """No panel asks for a type that Grafana reads as text: numeric or interval."""
    await one_cycle(pool)
    for name, sql in all_sql(load(path)).items():
        statement = await reader.prepare(expanded(sql, "computed_at"))
        kinds = {attribute.type.name for attribute in statement.get_attributes()}
        assert kinds <= {"text", "float8", "int8", "timestamptz", "bool"}, name


@each_file
async def test_every_column_of_a_table_but_one_has_a_width(reader: asyncpg.Connection, path: Path) -> None:
    """A table's widths are those of its columns, all but one, which takes the room that is left."""
    for panel in panels(load(path)):
        if panel["type"] != "table":
            continue
        sql = expanded(panel["targets"][0]["rawSql"], "computed_at")
        columns = {attribute.name for attribute in (await reader.prepare(sql)).get_attributes()}
        given = {
            rule["matcher"]["options"]: {found["id"] for found in rule["properties"]}
            for rule in panel["fieldConfig"]["overrides"]
        }
        wide = {
            rule["matcher"]["options"]
            for rule in panel["fieldConfig"]["overrides"]
            if any(found["id"] == "custom.width" for found in rule["properties"])
        }
        hidden = {name for name, found in given.items() if "custom.hidden" in found}
        assert len(columns - wide - hidden) == 1, panel["title"]
        assert wide | hidden <= columns | {"Trend #B"}, panel["title"]


@each_file
@each_axis
async def test_first_screen_is_answered_within_a_refresh(
    pool: asyncpg.Pool, reader: asyncpg.Connection, path: Path, axis: str
) -> None:
    """All that an opened page asks, one after the other on one connection, takes a fraction of the 10 s."""
    await filled_store.fill(pool, monitors=2, sparse=20, dense=400)
    asked = {panel["title"] for panel in first_screen(load(path))}
    begun = time.perf_counter()
    for name, target in panel_queries(load(path)):
        if name.rsplit(", ", 1)[0] in asked:
            await reader.fetch(expanded(target["rawSql"], axis))
    assert time.perf_counter() - begun < 5.0
