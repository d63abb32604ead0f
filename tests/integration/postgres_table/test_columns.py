"""What the cells of a table's types are measured as, and what is said of a table that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from service.errors import SourceError, TidegaugeError
from tests.integration.inbox.live import living
from tests.integration.postgres_table.tables import ONCE, TABLE, a_table, insert, source

pytestmark = pytest.mark.postgres

TYPES = """
CREATE TYPE mood AS ENUM ('calm', 'tense');
CREATE TABLE predictions (
  key numeric, at timestamp, size real, whole bigint, exact numeric, yes boolean, tag uuid, day date,
  feeling mood, words varchar(20), features jsonb, old json, guess float8, truth float8
)
"""
ROW = """
INSERT INTO predictions VALUES ($1, $2::text::timestamp, $3::text::real, 9007199254740993, $4::text::numeric,
  true,
  '7d444840-9dc0-11d1-b245-5ffdce74fad2', '2026-01-31', 'calm', 'x', $5::text::jsonb, $6::text::json, 1, 2)
"""
COLUMNS = {
    "size": "numerical", "exact": "numerical", "yes": "categorical", "tag": "categorical",
    "day": "categorical", "feeling": "categorical", "words": "categorical", "whole": "categorical",
    "age": "numerical", "city": "categorical", "second": "numerical", "odd": "numerical",
    "guess": "numerical", "truth": "numerical",
}  # fmt: skip
PATHS = {
    "age": "features.age",
    "city": "old.a b.city",
    "second": "features.list.1",
    "odd": ["features", "o.d"],
}


async def test_every_type_is_read_by_value(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """Numbers with all their digits, NaN as missing, times in the declared zone, JSON by its paths."""
    section = source(json=PATHS, timestamp={"column": "at", "timezone": "Europe/Berlin"})
    features = '{"age": 41.5, "list": [1, 2, {"x": 1}], "o.d": 4}'
    old = '{"a b":\n\r {"city":  "K\\u00f6ln \\"x\\""}}'
    async with a_table(empty_database_url, TYPES) as writer:
        await writer.execute(ROW, 1, "2026-01-01 01:01", "NaN", "0.1", features, old)
        await writer.execute(ROW, 10**30 + 1, "2026-01-01 01:02", "Infinity", "NaN", "{}", "[]")
        await writer.execute(ROW, 10**30 + 2, "2026-01-01 01:03", "1.5", "3", '{"age": "old"}', "null")
        await writer.execute("INSERT INTO predictions (key, at) VALUES (4, '2026-01-01 01:04')")
        await writer.execute("INSERT INTO predictions (key, at) VALUES (5, 'infinity')")
        async with living(
            pool, tmp_path, source=section, columns=COLUMNS, reference={"path": _reference(tmp_path)}, **ONCE
        ) as live:
            source_ = live.cycle._monitor.source
            take = await source_.take(None)
            report = await live.run()
            assert (report.record.rows, report.record.rejected, report.record.duplicates) == (4, 1, 0)
    found = take.batch
    assert found.event_time.tolist() == [1_767_225_660_000_000 + place * 60_000_000 for place in range(4)]
    shown = {name: _cells(found, name) for name in COLUMNS}
    assert shown["size"][0] is None
    assert shown["size"][2:] == [1.5, None]
    assert shown["exact"] == [0.1, None, 3.0, None]
    assert shown["whole"] == ["9007199254740993"] * 3 + [None]
    assert shown["age"] == [41.5, None, None, None]
    assert found.columns["age"].unparsable is not None
    assert shown["city"] == ['Köln "x"', None, None, None]
    assert (shown["second"], shown["odd"]) == ([2.0, None, None, None], [4.0, None, None, None])
    assert shown["yes"][0] == "true" or shown["yes"][0] == "True"
    assert [shown[name][0] for name in ("tag", "day", "feeling", "words")] == [
        "7d444840-9dc0-11d1-b245-5ffdce74fad2", "2026-01-31", "calm", "x",
    ]  # fmt: skip


def _cells(batch: Any, name: str) -> list[Any]:
    column = batch.columns[name]
    if hasattr(column, "values"):
        return [None if np.isnan(value) else value for value in column.values.tolist()]
    return [None if code < 0 else str(column.labels[code]) for code in column.codes.tolist()]


def _reference(folder: Path) -> str:
    (folder / "types.csv").write_text(",".join(COLUMNS) + "\n" + (",".join("1" for _ in COLUMNS) + "\n") * 30)
    return str(folder / "types.csv")


UNREADABLE: list[tuple[str, dict[str, Any], str]] = [
    (TABLE, {"table": "prediction"}, "'prediction' does not exist .* nearest is 'predictions'"),
    (TABLE, {"table": "nowhere.predictions"}, "does not exist|nowhere"),
    (TABLE, {"table": "a b"}, "is no name of a table|does not exist"),
    (TABLE, {"timestamp": "att"}, "has no column 'att'"),
    (TABLE, {"order_by": "idd"}, "order_by: .* has no column 'idd'.* 'id'"),
    (TABLE, {"json": {"size": "featurs.size"}}, "json.size: .* has no column 'featurs'.* 'features'"),
    (TABLE, {"json": {"size": "colour.size"}}, "'colour' is text .* expected a column of type jsonb"),
    (TABLE.replace("size float8", "size jsonb"), {}, "'size' is jsonb .*json: {size: size.KEY}"),
    (TABLE.replace("size float8", "size float8[]"), {}, r"'size' is double precision\[\] .* one value"),
    (TABLE.replace("size float8", "sise float8"), {}, "columns: .* has no column 'size'.* 'sise'"),
    (TABLE + "; CREATE VIEW seen AS SELECT * FROM predictions", {"table": "seen"}, "is a view"),
    (TABLE, {"lookback": "1d", "order_by": "id"}, "lookback: needs order_by to be the column of times"),
    (TABLE, {"lookback": "1h"}, "lookback is shorter than labels.wait"),
    (TABLE, {"table": "pg_catalog.pg_class"}, "schema pg_catalog"),
]


async def test_what_cannot_be_read_is_said(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """With the name that was probably meant, and what to do."""
    async with a_table(empty_database_url) as writer:
        for sql, changed, said in UNREADABLE:
            await writer.execute("DROP TABLE predictions CASCADE")
            await writer.execute(sql)
            with pytest.raises(TidegaugeError, match=said):
                async with living(pool, tmp_path, source=source(**changed), **ONCE) as live:
                    await live.run()


async def test_a_missing_right_is_said_with_the_grant(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """And the table is read once it was given, without a restart."""
    async with (
        a_table(empty_database_url) as writer,
        living(pool, tmp_path, source=source(), **ONCE) as live,
    ):
        await insert(writer, "a")
        role = await writer.fetchval("SELECT current_user")
        await writer.execute(f"REVOKE ALL ON predictions FROM {role}")
        with pytest.raises(SourceError, match=f'GRANT SELECT ON "public"."predictions" TO "{role}"'):
            await live.run()
        await writer.execute(f"GRANT SELECT ON predictions TO {role}")
        assert (await live.run()).record.rows == 1


async def test_partitions_are_read_as_one_table(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """One that is added later too."""
    sql = TABLE.replace("id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, ", "")
    async with a_table(empty_database_url, f"{sql} PARTITION BY LIST (colour)") as writer:
        await writer.execute("CREATE TABLE p1 PARTITION OF predictions FOR VALUES IN ('red')")
        async with living(pool, tmp_path, source=source(), **ONCE) as live:
            await insert(writer, "abc")
            assert (await live.run()).record.rows == 3
            await writer.execute("CREATE TABLE p2 PARTITION OF predictions DEFAULT")
            await writer.execute("INSERT INTO predictions SELECT 'd', at, 1, 'blue' FROM predictions LIMIT 1")
            report = await live.run()
            assert (report.record.rows, report.record.events) == (1, ())
