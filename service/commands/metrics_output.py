"""How measurements are printed: a table for people, CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLUMNS = (
    "monitor", "aspect", "column_name", "segment", "metric", "definition", "window_start", "window_end",
    "value", "reference", "threshold", "breached", "rows", "reason", "revision", "computed_at",
)  # fmt: skip
_TABLE = (
    "monitor", "window_end", "aspect", "column_name", "segment", "metric", "definition", "value", "threshold",
    "reason",
)  # fmt: skip


def write(rows: Sequence[Mapping[str, Any]], form: str, out: TextIO) -> None:
    """Write `rows` of the view `metrics` to `out` as `table`, `csv` or `json` (one object a line)."""
    if form == "json":
        out.writelines(json.dumps({name: _plain(row[name]) for name in COLUMNS}) + "\n" for row in rows)
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([[_text(row[name]) for name in COLUMNS] for row in rows])
    else:
        _write_table(rows, out)


def _write_table(rows: Sequence[Mapping[str, Any]], out: TextIO) -> None:
    lines = [[name.removesuffix("_name") for name in _TABLE]]
    lines += [[_short(row[name]) for name in _TABLE] for row in rows]
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
