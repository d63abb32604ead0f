"""Annotations: marks of alarms and other events on charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.grafana.fields import BLUE, GREEN, RED, Json
from tools.grafana.panels import SOURCE, query

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MARKS = 200
PERFORMANCE = (
    "(kind = 'change_point' OR kind = 'breach' AND details ->> 'aspect' = 'performance' "
    "AND details ->> 'segment' = '')"
)


def annotation_list(of_monitor: str, marked: Sequence[str]) -> list[Json]:
    """Return what may be marked; by default the performance alarms and change points, on the panels `marked`.

    A year of alarms buries a chart, so everything else is off until it is switched on.
    """
    found = [_built_in()]
    if marked:
        on = _annotation("Performance alarms and change points", RED, PERFORMANCE, of_monitor)
        found.append({**on, "enable": True, "filter": {"exclude": False, "ids": list(marked)}})
    return [
        *found,
        _annotation("All alarms", RED, "kind = 'breach'", of_monitor),
        _annotation("Recoveries", GREEN, "kind = 'recovery'", of_monitor),
        _annotation("Other events", BLUE, "kind NOT IN ('breach', 'recovery')", of_monitor),
    ]


def _built_in() -> Json:
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }


def _annotation(name: str, color: str, chosen: str, of_monitor: str) -> Json:
    sql = (
        "SELECT CASE '$axis' WHEN 'window_end' THEN at ELSE recorded_at END AS \"time\", "
        "monitor || ': ' || message AS text, concat_ws(',', kind, nullif(column_name, '')) AS tags\n"
        f"FROM tidegauge.event WHERE monitor IN ({of_monitor}) AND {chosen}\n"
        "  AND (('$axis' = 'window_end' AND $__timeFilter(at)) "
        "OR ('$axis' <> 'window_end' AND $__timeFilter(recorded_at)))\n"
        f"ORDER BY recorded_at DESC LIMIT {MAX_MARKS}"
    )
    return {
        "datasource": SOURCE,
        "enable": False,
        "iconColor": color,
        "name": name,
        "target": query(sql, name, table=True),
    }
