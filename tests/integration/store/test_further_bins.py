"""Open bins that are continued: as stored, as the page is answered, as dashboards draw them."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import numpy as np
import pytest

from service.core.profile import profile
from service.core.read_models import ColumnDistribution
from service.core.reference import bins
from service.core.reference.bins import MISSING, OTHER, Bins
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.windows.records import WindowRecord
from service.store import page_queries
from service.store.postgres import PostgresStore
from service.store.tables import drawn_distribution
from tests.integration.filled_pages import expanded, panel_sql
from tests.integration.store.test_store_commit import record

SCHEMA = Schema((Column("temp", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
DAY = 86_400_000_000


def of(temp: np.ndarray) -> profile.Profile:
    colour = Labels(np.zeros(len(temp), np.int64), np.array(["red"]))
    return profile.of(
        Batch(len(temp), np.zeros(len(temp), np.int64), {"temp": Numbers(temp), "colour": colour}), SCHEMA
    )


WINTER = np.random.default_rng(1).normal(35.0, 10.0, 5_000).round(1)
SUMMER = np.append(np.random.default_rng(2).normal(85.0, 4.0, 999), 1e6)
SPRING = np.random.default_rng(3).normal(50.0, 6.0, 1_000)
ARCTIC = np.random.default_rng(4).normal(-40.0, 6.0, 1_000)
FIXED = bins.of_reference(of(WINTER), SCHEMA)


def window(day: int, temp: np.ndarray, spec: tuple[Bins, ...] = FIXED) -> WindowRecord:
    drawn = bins.counted(spec, of(temp))
    return WindowRecord(day, day, day * DAY, (day + 1) * DAY, 1, len(temp), (), drawn)


async def seen(
    pool: asyncpg.Pool, day: int, against: int | None = None, column: str = "temp"
) -> ColumnDistribution:
    ends = [None if d is None else datetime.fromtimestamp((d + 1) * 86_400, UTC) for d in (day, against)]
    return await drawn_distribution.read(
        pool, monitor="flights", column=column, window_end=ends[0], against_end=ends[1]
    )


async def test_summer_is_drawn_where_it_lies(pool: asyncpg.Pool) -> None:
    """Shares of the window and of the reference add up to 1; each bin holds what NumPy counts in it."""
    await PostgresStore(pool).commit(record(1, windows=[window(1, SUMMER)]))
    found = (await seen(pool, 1)).bins
    further = [bin_ for bin_ in found if bin_.further]
    assert 3 <= len(further) <= 20
    assert len(found) == len(FIXED[0].labels) + len(further)
    for shares, values in (([b.share for b in found], SUMMER), ([b.reference_share for b in found], WINTER)):
        assert sum(s for s in shares if s is not None) == pytest.approx(1.0, abs=1e-12)
        for bin_, share in zip(found[:-1], shares, strict=False):
            low, high = (
                (-np.inf if bin_.low is None else bin_.low),
                (np.inf if bin_.high is None else bin_.high),
            )
            assert share == pytest.approx(((values >= low) & (values < high)).mean(), abs=1e-12)
    opened = FIXED[0].labels[-2]
    assert opened.endswith("and above")
    assert found[-2].label == f"{further[-1].high:g} and above"
    assert found[-2].share == pytest.approx(0.001)  # the row of 1e6 has no bin of its own
    assert [bin_.label for bin_ in further] == [f"{bin_.low:g} to {bin_.high:g}" for bin_ in further]
    assert found[0].label == FIXED[0].labels[0]


async def test_the_table_of_columns_has_the_bins_of_the_chart(pool: asyncpg.Pool) -> None:
    """The small picture of a column is cut as the large one is."""
    await PostgresStore(pool).commit(record(1, windows=[window(1, SUMMER)]))
    found = await seen(pool, 1)
    assert found.window is not None
    small = await page_queries.shares(pool, "flights", found.window, ["temp", "colour"])
    assert small["temp"].window == [bin_.share for bin_ in found.bins]
    assert small["temp"].reference == [bin_.reference_share for bin_ in found.bins]
    assert small["colour"].window == [1.0, 0.0, 0.0]


async def test_cold_is_continued_downwards(pool: asyncpg.Pool) -> None:
    """The lowest bin is continued alike, in order of the values."""
    await PostgresStore(pool).commit(record(1, windows=[window(1, ARCTIC)]))
    found = (await seen(pool, 1)).bins
    assert found[0].label == f"below {found[1].low:g}"
    lows = [bin_.low for bin_ in found[1:-1]]
    assert lows == sorted(low for low in lows if low is not None)
    assert sum(bin_.share for bin_ in found if bin_.further and bin_.share) > 0.98


async def test_two_windows_are_drawn_in_the_same_bins(pool: asyncpg.Pool) -> None:
    """Compared with another window, both are counted in the bins that the further one of them needs."""
    store = PostgresStore(pool)
    await store.commit(record(1, windows=[window(1, SPRING), window(2, SUMMER)]))
    found = await seen(pool, 1, against=2)
    assert found.against is not None
    assert (found.against.rows, found.against_reason) == (1_000, None)
    assert not any(bin_.further for bin_ in (await seen(pool, 1)).bins)
    for values, shares in (
        (SPRING, [b.share for b in found.bins]),
        (SUMMER, [b.against_share for b in found.bins]),
    ):
        for bin_, share in zip(found.bins[1:-1], shares[1:-1], strict=True):
            high = np.inf if bin_.high is None else bin_.high
            assert share == pytest.approx(((values >= bin_.low) & (values < high)).mean(), abs=1e-12)
    gone = await seen(pool, 1, against=9)
    assert (gone.against, gone.against_reason) == (None, "no window with values of this column ends then")
    other = bins.of_reference(of(WINTER + 1.0), SCHEMA)
    await store.commit(record(2, windows=[window(3, SPRING, other)]))
    unlike = await seen(pool, 1, against=3)
    assert (unlike.against, len(unlike.bins)) == (None, len(FIXED[0].labels))
    assert unlike.against_reason == "that window was counted in the bins of another reference"


async def test_labels_and_usual_windows_are_drawn_as_before(pool: asyncpg.Pool) -> None:
    """A window in the reference's bulk has the reference's bins, a column of labels its labels."""
    await PostgresStore(pool).commit(record(1, windows=[window(1, WINTER)]))
    assert tuple(bin_.label for bin_ in (await seen(pool, 1)).bins) == FIXED[0].labels
    colours = (await seen(pool, 1, column="colour")).bins
    assert [(bin_.label, bin_.share, bin_.further) for bin_ in colours] == [
        ("red", 1.0, False), (OTHER, 0.0, False), (MISSING, 0.0, False),
    ]  # fmt: skip


async def test_history_of_before_is_kept_and_claims_nothing(pool: asyncpg.Pool) -> None:
    """Bins stored by an earlier version go on as the same ones; where its rows lie is unknown, never zero."""
    store = PostgresStore(pool)
    await store.commit(record(1, windows=[window(1, SUMMER), window(2, WINTER[:50])]))
    await pool.execute(
        "UPDATE tidegauge.window_distribution SET tail_places = NULL, tail_counts = NULL, "
        "reach_below = NULL, reach_above = NULL"
    )
    for fixed in FIXED:
        await pool.execute(
            "UPDATE tidegauge.column_bins SET fingerprint = $2, below = NULL, below_text = NULL, "
            "above = NULL, above_text = NULL, tail_places = NULL, tail_counts = NULL WHERE column_name = $1",
            fixed.column, fixed.former_fingerprint,
        )  # fmt: skip
    assert (await seen(pool, 1)).bins[-2].share == 1.0
    await PostgresStore(pool).commit(record(2, windows=[window(3, SUMMER)]))
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.column_bins") == 2
    found = await seen(pool, 3, against=1)
    assert {bin_.against_share for bin_ in found.bins if bin_.further} == {None}
    assert found.bins[-2].against_share is None
    assert sum(bin_.share or 0.0 for bin_ in found.bins) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "title", ["Distribution over time", "Difference from the reference", "Now and in the reference"]
)
async def test_a_dashboard_draws_what_the_page_draws(
    pool: asyncpg.Pool, reader: asyncpg.Connection, title: str
) -> None:
    """Panels have the page's bins, and the windows of a heatmap the same ones, each adding up."""
    store = PostgresStore(pool)
    await store.commit(record(1, windows=[window(15_737, SPRING)]))
    await store.commit(record(2, windows=[window(15_738, SUMMER)]))
    page = [bin_.label for bin_ in (await seen(pool, 15_738)).bins]
    sql = expanded(panel_sql("column", title), "computed_at", column="temp")
    rows = await reader.fetch(sql)
    if title.startswith("Now"):
        assert [row["bin"] for row in rows] == page
        assert sum(row["now"] for row in rows) == pytest.approx(1.0)
        assert sum(row["reference"] for row in rows) == pytest.approx(1.0)
        return
    assert [name.split(" · ")[1] for name in sorted({row["metric"] for row in rows})] == page
    total = 1.0 if title.startswith("Distribution") else 0.0
    for time in {row["time"] for row in rows}:
        assert sum(row["value"] for row in rows if row["time"] == time) == pytest.approx(total, abs=1e-9)
