"""The command `measure`: measure a file against a reference, without a service or a database.

Exit status: 0 where nothing that decides is beyond its threshold, 1 where something is, and 2 where nothing
could be judged, an option is wrong or a file cannot be read: a check that did not happen is no success.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from service.commands.exit_status import CLEAN, FAILED, MISCONFIGURED
from service.errors import ConfigurationError, TidegaugeError
from service.library.measure import measure
from service.library.measured import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from service.library.measured import Measured

_TABLE = (
    "aspect",
    "column_name",
    "segment",
    "metric",
    "definition",
    "value",
    "reference",
    "threshold",
    "breached",
)
_FIRST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says: the files, a monitor file, and the keys of one."""

    data: Path
    reference: Path
    monitor: Path | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)


def execute(wanted: Wanted, *, form: str, only_breached: bool) -> int:
    """Print the measurements as `table`, `csv` or `json`, and a summary to standard error; return the status.

    Raises ConfigurationError where an option is wrong or a file cannot be read.
    """
    try:
        measured = measure(wanted.data, wanted.reference, monitor=wanted.monitor, **wanted.keys)
    except ConfigurationError:
        raise
    except TidegaugeError as error:
        raise ConfigurationError(str(error)) from error
    records = measured.records()
    if only_breached:
        records = [record for record in records if record["breached"] and record["decides"]]
    write(records, form, sys.stdout)
    sys.stdout.flush()
    sys.stderr.writelines(f"{line}\n" for line in summary(measured))
    if measured.breached:
        return FAILED
    return CLEAN if measured.judged else MISCONFIGURED


def summary(measured: Measured) -> list[str]:
    """Return what came of it, in a few lines."""
    lines = [f"note: {note}" for note in measured.notes]
    lines += [f"not judged: {_name(one)}: {one.reason}" for one in measured.unjudged[:_FIRST_SHOWN]]
    if len(measured.unjudged) > _FIRST_SHOWN:
        lines.append(f"not judged: {len(measured.unjudged) - _FIRST_SHOWN} more")
    rows = f"{measured.rows:,} rows against {measured.reference_rows:,}"
    if not measured.judged:
        reasons = [m.reason for m in measured.measurements if m.reason]
        why = f": {max(set(reasons), key=reasons.count)}" if reasons else ""
        return [*lines, f"{rows}: nothing could be judged{why}"]
    names = [_name(measurement) for measurement in measured.breached]
    more = f" and {len(names) - _FIRST_SHOWN} more" if len(names) > _FIRST_SHOWN else ""
    said = f": {', '.join(names[:_FIRST_SHOWN])}{more}" if names else ""
    return [*lines, f"{rows}: {len(names)} of {len(measured.judged)} judged are beyond their threshold{said}"]


def _name(measurement: Any) -> str:
    series = measurement.series
    return " ".join(
        part for part in (series.column, series.segment, series.metric, series.definition) if part
    )


def write(records: Sequence[Mapping[str, Any]], form: str, out: TextIO) -> None:
    """Write measurements to `out` as `table`, `csv` or `json` (one object per line)."""
    if form == "json":
        out.writelines(json.dumps(dict(record)) + "\n" for record in records)
    elif form == "csv":
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(COLUMNS)
        lines.writerows([_cell(record[name]) for name in COLUMNS] for record in records)
    else:
        cells = [[_short(record[name]) for name in _TABLE] for record in records]
        rows = [list(_TABLE), *cells]
        widths = [max(len(row[place]) for row in rows) for place in range(len(_TABLE))]
        out.writelines(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
            for row in rows
        )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)
