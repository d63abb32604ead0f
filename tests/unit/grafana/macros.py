"""What Grafana makes of a panel's SQL before Postgres sees it: first the variables, then the macros.

The macros follow Grafana's Postgres data source (its `macros.go`, without TimescaleDB): one pattern finds a
macro, and it ends at the first closing parenthesis.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

Value = str | tuple[str, ...]

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|((?!__)\w+))")
_MACRO = re.compile(r"\$(\w+)\(([^)]*)\)")


def interpolate(sql: str, values: Mapping[str, Value]) -> str:
    """Put the dashboard's variables in: one value bare, several as quoted literals with commas between.

    Raises KeyError for a variable that the dashboard does not have.
    """

    def replace(found: re.Match[str]) -> str:
        value = values[found[1] or found[2]]
        if isinstance(value, str):
            return value
        return ",".join("'" + one.replace("'", "''") + "'" for one in value)

    return _VARIABLE.sub(replace, sql)


def expand(sql: str, start: datetime, end: datetime) -> str:
    """Put the time range in for the macros.

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

    return _MACRO.sub(replace, sql)
