"""Panels of the performance that two pages share."""

from __future__ import annotations

from tools.grafana.fields import BLUE, GREEN, RED, TEXT, Json, fixed, override, override_query
from tools.grafana.panels import query, stat
from tools.grafana.sql import NEWEST

UNITS = {"A": "<>", "B": "="}  # the second query's values are shares, shown as per cent


def performance_now(title: str, description: str, metric: str, segment: str) -> Json:
    """Return a metric in the newest window with its threshold and the reference's, coloured by its verdict.

    `metric` and `segment` are expressions of SQL.
    """
    sql = """
SELECT n."time", shown.name AS metric, shown.number AS value
FROM {newest} n
CROSS JOIN LATERAL (
    VALUES (CASE WHEN n.breached THEN 'beyond threshold' WHEN NOT n.breached THEN 'within threshold' ELSE 'now' END, n.value),
        ('threshold', n.threshold), ('reference', n.reference)
) AS shown (name, number)
WHERE n.aspect = 'performance' AND n.metric = {metric} AND n.{segment} AND n.unit {unit} 'share'
    AND shown.number IS NOT NULL
ORDER BY 1
"""
    colors = {
        "now": TEXT,
        "within threshold": GREEN,
        "beyond threshold": RED,
        "threshold": TEXT,
        "reference": BLUE,
    }
    return stat(
        title,
        description,
        [
            query(sql.format(newest=NEWEST, metric=metric, segment=segment, unit=unit), ref)
            for ref, unit in UNITS.items()
        ],
        decimals=3,
        text_mode="value_and_name",
        overrides=[
            override_query("B", unit="percentunit", decimals=1),
            *(override(name, color=fixed(color)) for name, color in colors.items()),
        ],
    )
