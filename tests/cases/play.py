"""Plays a case's monitor file to its end, against a real store, and gives back what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.config import monitor_file
from service.cycle.cycle import Cycle
from service.runtime.compute_threads import workers
from service.store.postgres import PostgresStore
from service.wiring.monitor import build_monitor

if TYPE_CHECKING:
    import asyncpg

    from service.config.monitor import Monitor

DATA = Path(__file__).parent / "data"
MAX_CYCLES = 200

Key = tuple[str, str, str, str, str]  # aspect, column, segment, metric, definition


@dataclass(frozen=True, slots=True)
class Window:
    """One window's values by series, None where there is none, and the reasons for that."""

    values: dict[Key, float | None]
    reasons: dict[Key, str]

    def __getitem__(self, metric: str) -> float | None:
        """Return the only value of a metric of the whole, whatever its column."""
        found = {value for key, value in self.values.items() if key[3] == metric and not key[2]}
        (value,) = found
        return value

    def of(self, column: str, metric: str) -> float | None:
        """Return a column's value of a metric."""
        (value,) = {v for key, v in self.values.items() if key[1] == column and key[3] == metric}
        return value


def case(name: str, file: str, folder: Path) -> Path:
    """Write a case's monitor file into `folder`, with its data where it lies; return the file."""
    data = DATA / name
    path = folder / f"{file}.yaml"
    path.write_text((data / f"{file}.yaml").read_text().replace("CASE", str(data)))
    return path


async def play(path: Path, pool: asyncpg.Pool) -> list[Window]:
    """Play a monitor file to the end of its source; return its windows in order, newest revisions."""
    monitor = monitor_file.load(path, path.parent)
    await play_monitor(monitor, pool)
    return await windows_of(monitor.name, pool)


async def play_monitor(monitor: Monitor, pool: asyncpg.Pool) -> None:
    """Run a monitor's cycles until nothing will follow."""
    async with workers() as compute:
        watched = build_monitor(monitor, pool, compute)
        try:
            cycle = Cycle(watched, PostgresStore(pool), compute, now=lambda: 10**15)
            for slot in range(MAX_CYCLES):
                report = await cycle.run(slot)
                assert report.committed
                if report.done:
                    return
        finally:
            await watched.source.close()
    raise AssertionError(f"{monitor.name}: not at its end after {MAX_CYCLES} cycles")


async def windows_of(monitor: str, pool: asyncpg.Pool) -> list[Window]:
    """Return what is stored of a monitor's windows, in order."""
    rows = await pool.fetch(
        "SELECT window_end, aspect, column_name, segment, metric, definition, value, reason "
        "FROM tidegauge.metrics WHERE monitor = $1 AND aspect <> 'health' ORDER BY window_end",
        monitor,
    )
    found: dict[object, Window] = {}
    for end, *key, value, reason in (tuple(row.values()) for row in rows):
        window = found.setdefault(end, Window({}, {}))
        window.values[tuple(key)] = value  # type: ignore[index]
        if reason is not None:
            window.reasons[tuple(key)] = reason  # type: ignore[index]
    return list(found.values())
