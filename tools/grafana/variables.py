"""Variables: the monitor, the time axis, columns and segments that a page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.grafana.panels import SOURCE
from tools.grafana.sql import MONITOR

if TYPE_CHECKING:
    from tools.grafana.fields import Json


def variable(name: str, label: str, description: str, sql: str, *, several: bool = False) -> Json:
    """Return a variable whose choices the database gives; with `several`, any number of them, at first all."""
    found: Json = {
        "current": {},
        "datasource": SOURCE,
        "description": description,
        "hide": 0,
        "includeAll": several,
        "label": label,
        "multi": several,
        "name": name,
        "options": [],
        "query": sql,
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 0,
        "type": "query",
    }
    if several:
        # All is the column compared with itself: right for no choices at all, where an empty list would be an error.
        found |= {"allValue": f"{name}_name" if name == "column" else name}
        found |= {"current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return found


def monitor_variable() -> Json:
    """Return the choice of one monitor; those that measure a model's performance come first."""
    sql = (
        "SELECT c.monitor FROM tidegauge.checkpoint c ORDER BY EXISTS (SELECT FROM tidegauge.series s "
        "WHERE s.monitor = c.monitor AND s.aspect = 'performance' AND s.segment = '') DESC, c.monitor"
    )
    return variable("monitor", "Monitor", "The watched model.", sql)


def axis_variable() -> Json:
    """Return the choice of what the horizontal axis and the time range mean."""
    choices = {
        "live (when it was measured)": "computed_at",
        "event time (the end of the window)": "window_end",
    }
    return {
        "current": {"selected": True, "text": "live (when it was measured)", "value": "computed_at"},
        "description": "What the horizontal axis and the time range mean. For event time choose a range that covers "
        "the data: a replay's lies years back.",
        "hide": 0,
        "includeAll": False,
        "label": "Time axis",
        "multi": False,
        "name": "axis",
        "options": [
            {"selected": value == "computed_at", "text": text, "value": value}
            for text, value in choices.items()
        ],
        "query": ", ".join(f"{text} : {value}" for text, value in choices.items()),
        "skipUrlSync": False,
        "type": "custom",
    }


def column_variable(*, several: bool) -> Json:
    """Return the choice of columns of the monitor."""
    sql = (
        f"SELECT DISTINCT column_name FROM tidegauge.series WHERE monitor = {MONITOR} AND segment = '' "
        "AND column_name <> '' ORDER BY 1"
    )
    return variable("column", "Column", "A watched column of the monitor.", sql, several=several)


def segment_variable() -> Json:
    """Return the choice of one segment of the rows, at first all rows."""
    sql = (
        "SELECT CASE segment WHEN '' THEN '(all rows)' ELSE segment END FROM tidegauge.series "
        f"WHERE monitor = {MONITOR} AND aspect = 'performance' GROUP BY segment ORDER BY segment"
    )
    return variable(
        "segment", "Segment", "Part of the rows that is measured by itself, such as a class.", sql
    )
