"""How long each panel's query takes on ten million samples, through the role that Grafana has.

Prints every query of every dashboard and alert rule with its median time, the slowest first, over the default
time range, a day and three months, on both time axes. The store is filled in a few minutes: four
monitors, half of it within the newest day. `BENCH_MILLIONS` asks for another size.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests import filled_store
from tests.unit.grafana.dashboards import FILES, all_sql, load, rule_queries, rules
from tests.unit.grafana.macros import Bare, expand, interpolate

if TYPE_CHECKING:
    from tests.unit.grafana.macros import Value

MONITORS = 4
ROUNDS = 3
LIMIT_MS = 100.0
CHOICES: dict[str, Value] = {
    "monitor": "flights",
    "column": Bare("column_name"),
    "segment": "(all rows)",
    "performance": "mae",
    "measure": "wasserstein evidently",
}
# Where a page has one column, or all monitors.
OF_PAGE: dict[str, dict[str, Value]] = {
    "column": {"column": "distance"},
    "decline": {"column": "distance"},
    "health": {"monitor": Bare("monitor")},
}


def _ranges() -> dict[str, tuple[str, datetime, datetime]]:
    now = datetime.now(UTC)
    return {
        "30 minutes": ("computed_at", now - timedelta(minutes=30), now),
        "a day": ("computed_at", now - timedelta(days=1), now),
        "three months": ("computed_at", now - timedelta(days=90), now),
        "event time": ("window_end", datetime(2010, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)),
    }


async def _median_ms(reader: asyncpg.Connection, sql: str) -> tuple[float, int]:
    took, rows = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        rows = await reader.fetch(sql)
        took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took), len(rows)


async def test_every_panel_answers_quickly(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    pool: asyncpg.Pool,
    reader: asyncpg.Connection,
) -> None:
    """Time every query of every page and rule; a machine may be slow, so no limit is asserted."""
    if not request.config.getoption("benchmark_enable"):
        pytest.skip("takes minutes: make bench")
    millions = float(os.environ.get("BENCH_MILLIONS", "10"))
    windows = int(millions * 1e6 / MONITORS / 168)
    dense = min(filled_store.DENSE_WINDOWS, windows // 2)
    started = time.perf_counter()
    samples = await filled_store.fill(pool, monitors=MONITORS, sparse=windows - dense, dense=dense)
    filled = time.perf_counter() - started
    lines = [f"\n{samples:,} samples of {MONITORS} monitors, filled in {filled:.0f} s"]
    for name, (axis, since, until) in _ranges().items():
        timed = []
        for path in FILES:
            values = CHOICES | OF_PAGE.get(path.stem, {}) | {"axis": axis}
            for title, sql in all_sql(load(path)).items():
                ms, rows = await _median_ms(reader, expand(interpolate(sql, values), since, until))
                timed.append((ms, rows, f"{path.stem}: {title}"))
        over = sum(ms > LIMIT_MS for ms, *_ in timed)
        lines.append(f"{name} ({axis}): {over} of {len(timed)} over {LIMIT_MS:.0f} ms")
        lines += [f"  {ms:7.1f} ms {rows:6} rows  {title}" for ms, rows, title in sorted(timed, reverse=True)]
    lines.append("alert rules")
    for rule in rules():
        for letter, sql in rule_queries(rule).items():
            ms, rows = await _median_ms(reader, sql)
            lines.append(f"  {ms:7.1f} ms {rows:6} rows  {rule['uid']}: {letter}")
    with capsys.disabled():
        print("\n".join(lines))  # noqa: T201 - what the benchmark is run for
