"""What a dashboard asks of a store, as Grafana would send it, and a store with one measured window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from service.core.time_units import EPOCH
from service.core.windows.records import WindowRecord
from service.store.postgres import PostgresStore
from tests import filled_store
from tests.unit.grafana.dashboards import FILES, all_sql, load
from tests.unit.grafana.macros import Bare, expand, interpolate

if TYPE_CHECKING:
    from tests.unit.grafana.macros import Value

SECOND = filled_store.SECOND
# Grafana's choices: the first of each variable, and where there are several, also All.
CHOICES: dict[str, Value] = {
    "monitor": "flights",
    "column": "o'hare",
    "segment": "(all rows)",
    "performance": "mae",
    "measure": "jensenshannon evidently",
}
ALL = {"column": Bare("column_name"), "monitor": Bare("monitor")}


def time_range(axis: str) -> tuple[datetime, datetime]:
    """Return the last half hour, or all of event time."""
    if axis == "window_end":
        return EPOCH, datetime(2200, 1, 1, tzinfo=UTC)
    now = datetime.now(UTC)
    return now - timedelta(minutes=30), now + timedelta(minutes=1)


def expanded(sql: str, axis: str, **choices: Value) -> str:
    """Return a query as Postgres gets it from Grafana, with the variables and the time range put in."""
    return expand(interpolate(sql, CHOICES | choices | {"axis": axis}), *time_range(axis))


def panel_sql(stem: str, title: str) -> str:
    """Return the first query of a panel by its dashboard and title."""
    (path,) = (path for path in FILES if path.stem == stem)
    return all_sql(load(path))[f"{title}, A"]


async def one_cycle(pool: asyncpg.Pool, shift: float = 1.5, **more: object) -> WindowRecord:
    """Measure one window of the monitor `flights` a moment ago; by default all of it has moved."""
    measured = filled_store.measured(filled_store.rows(900, 3, shift), 0, filled_store.known())
    now = int(datetime.now(UTC).timestamp() - 10) * SECOND
    await filled_store.commit(PostgresStore(pool), "flights", 1, measured, now=now, **more)
    return measured
