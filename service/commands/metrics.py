"""The command `metrics`: print what was measured, as a table for people, CSV or JSON for programs."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from dataclasses import fields
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TextIO

from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN
from service.config import monitor_file
from service.config.monitor_folder import read_folder
from service.core.read_models import StoredMeasurement
from service.errors import ConfigurationError
from service.status.known_names import known_names
from service.status.known_names import unknown_name as unknown_measured
from service.store import queries
from service.store.migrate import migrate, migrations_folder
from service.wiring.database import database
from service.wiring.declared_names import declared_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.config.settings import Settings
    from service.core.read_models import SeriesFilter

_FIRST = (
    "monitor", "aspect", "column_name", "segment", "metric", "definition", "window_start", "window_end",
    "value", "reference", "threshold", "breached", "rows", "reason", "revision", "computed_at",
)  # fmt: skip
_VIEW = tuple(field.name for field in fields(StoredMeasurement))
# Every column of the view `metrics`; those that earlier versions printed keep their places.
COLUMNS = (*_FIRST, *(name for name in _VIEW if name not in _FIRST))
_TABLE = (
    "monitor", "window_end", "aspect", "column_name", "segment", "metric", "definition", "value", "threshold",
    "reason",
)  # fmt: skip


def execute(wanted: SeriesFilter, *, since: datetime | None, form: str) -> int:
    """Print the wanted measurements as `table`, `csv` or `json`; return the exit status.

    Raises ConfigurationError where the monitor, or another name that is asked for, does not exist.
    """
    rows = asyncio.run(_measurements(load_settings(), wanted, since))
    write(rows, form, sys.stdout)
    return CLEAN


async def _measurements(
    settings: Settings, wanted: SeriesFilter, since: datetime | None
) -> list[StoredMeasurement]:
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        if wanted.monitor is not None:
            await _check_exists(wanted.monitor, settings, pool)
        found = await queries.measurements(pool, wanted, since=since)
        if not found:
            await _check_names(wanted, settings, pool)
        return found


async def _check_names(wanted: SeriesFilter, settings: Settings, pool: asyncpg.Pool) -> None:
    # What exists and was not measured yet is no fault; a name that nothing has is.
    names = await queries.monitors(pool) if wanted.monitor is None else [wanted.monitor]
    stored = [series for name in names for series in await queries.series(pool, name)]
    try:
        folder = read_folder(settings.monitors_dir, settings.data_dir).monitors
    except ConfigurationError:  # what is stored can be read without the files
        folder = {}
    files = [each.monitor for name, each in folder.items() if wanted.monitor in {None, name}]
    unknown = unknown_measured(wanted, known_names(stored, map(declared_names, files)))
    if unknown is not None:
        raise ConfigurationError(unknown)


async def _check_exists(monitor: str, settings: Settings, pool: asyncpg.Pool) -> None:
    known = await queries.monitors(pool)
    if monitor in known:
        return
    # One that has not run yet has no measurements, which is no fault.
    known = sorted({*known, *monitor_file.names(settings.monitors_dir)})
    if monitor not in known:
        raise ConfigurationError(f"--monitor: {unknown_name(monitor, known)}")


def unknown_name(name: str, known: Sequence[str]) -> str:
    """Return the message for a monitor's name that does not exist: the nearest one and the list."""
    if not known:
        return f"no monitor is named {name!r}; there is none yet"
    near = get_close_matches(name, known, n=1)
    nearest = f"the nearest is {near[0]!r}; " if near else ""
    return f"no monitor is named {name!r}; {nearest}there are: {', '.join(known)}"


def write(rows: Sequence[StoredMeasurement], form: str, out: TextIO) -> None:
    """Write measurements to `out` as `table`, `csv` or `json` (one object per line)."""
    if form == "json":
        out.writelines(
            json.dumps({name: _plain(getattr(row, name)) for name in COLUMNS}) + "\n" for row in rows
        )
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([[_text(getattr(row, name)) for name in COLUMNS] for row in rows])
    else:
        _write_table(rows, out)


def _write_table(rows: Sequence[StoredMeasurement], out: TextIO) -> None:
    lines = [[name.removesuffix("_name") for name in _TABLE]]
    lines += [[_short(getattr(row, name)) for name in _TABLE] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    out.writelines("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)
    out.write(f"{len(rows)} measurements\n")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(_plain(value))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else _text(value)
