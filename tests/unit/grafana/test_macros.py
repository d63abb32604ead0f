from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.grafana.macros import expand, interpolate

START, END = datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)


def test_time_filter_compares_the_named_column_with_the_range() -> None:
    """A time filter becomes a BETWEEN with both ends as zoned literals."""
    expanded = expand("WHERE $__timeFilter(window_end) AND x", START, END)
    assert expanded == (
        "WHERE window_end BETWEEN '2013-02-01T00:00:00+00:00' AND '2013-03-01T00:00:00+00:00' AND x"
    )


def test_variable_may_name_the_column_of_a_macro() -> None:
    """Variables are put in before macros are looked for, so that one may choose the time axis."""
    sql = interpolate("$__timeFilter($axis) AND '${axis}' <> ''", {"axis": "computed_at"})
    assert expand(sql, START, START).startswith("computed_at BETWEEN ")
    assert sql.endswith("'computed_at' <> ''")


def test_several_values_become_quoted_literals() -> None:
    """A variable with several values becomes a list of literals, quotes within them doubled."""
    assert interpolate("IN ($column)", {"column": ("a", "b'c")}) == "IN ('a','b''c')"


def test_unknown_variable_is_refused() -> None:
    """A variable that the dashboard does not define is an error, not an empty text."""
    with pytest.raises(KeyError, match="monitr"):
        interpolate("'$monitr'", {"monitor": "flights"})


@pytest.mark.parametrize("sql", ["$__timeFilter(date_trunc('day', at))", "$__timeFiltre(at)"])
def test_macro_that_grafana_would_break_is_refused(sql: str) -> None:
    """A call inside a macro, and a macro that does not exist, are errors here as they are in Grafana."""
    with pytest.raises(ValueError, match="macro"):
        expand(sql, START, END)
