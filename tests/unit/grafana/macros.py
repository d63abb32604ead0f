"""What Grafana makes of a panel's SQL before Postgres sees it: first the variables, then the macros.

The macros follow Grafana's Postgres data source (its `macros.go`, without TimescaleDB): one pattern finds a
macro, and it ends at the first closing parenthesis. Of the formats of a variable only `sqlstring` is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

Value = str | tuple[str, ...]

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::(\w+))?\}|((?!__)\w+))")
_MACRO = re.compile(r"\$(\w+)\(([^)]*)\)")
_INTERVAL = re.compile(r"\$__interval_ms\b")
MAX_POINTS = 1_000  # of a panel about as wide as a screen
MIN_MS = 1_000  # the data source's timeInterval


class Bare(str):
    """A value that Grafana inserts unchanged, whatever the format: the text for All."""

    __slots__ = ()


def interpolate(sql: str, values: Mapping[str, Value]) -> str:
    """Put the dashboard's variables in: bare, or quoted where the format says `sqlstring`.

    Raises KeyError for a variable that the dashboard does not have, ValueError for another format.
    """

    def replace(found: re.Match[str]) -> str:
        value, form = values[found[1] or found[3]], found[2]
        if form not in (None, "sqlstring"):
            raise ValueError(f"{found[0]}: a format that is not known here")
        if isinstance(value, Bare):
            return value
        if isinstance(value, str) and form is None:
            return value
        several = (value,) if isinstance(value, str) else value
        return ",".join("'" + one.replace("'", "''") + "'" for one in several)

    return _VARIABLE.sub(replace, sql)


def expand(sql: str, start: datetime, end: datetime) -> str:
    """Put the time range in for the macros, and the milliseconds of a point of the chart.

    Raises ValueError for a macro that Grafana does not know, or that its pattern cuts short.
    """
    since, until = (f"'{instant.astimezone(UTC).isoformat()}'" for instant in (start, end))
    known: dict[str, Callable[[str], str]] = {
        "__timeFilter": lambda column: f"{column} BETWEEN {since} AND {until}",
        "__timeFrom": lambda _: since,
        "__timeTo": lambda _: until,
    }

    def replace(found: re.Match[str]) -> str:
        name, argument = found[1], found[2].strip()
        if name not in known:
            raise ValueError(f"${name}: no such macro, or not one that these dashboards need")
        if "(" in argument:
            raise ValueError(f"{found[0]}: a macro ends at its first ')', so no call may stand in it")
        return known[name](argument)

    interval = max(MIN_MS, round((end - start).total_seconds() * 1_000 / MAX_POINTS))
    return _MACRO.sub(replace, _INTERVAL.sub(str(interval), sql))
