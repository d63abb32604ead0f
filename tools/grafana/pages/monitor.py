"""The page of one monitor: its state, since when, why, and what to do; then a collapsed row per aspect."""

from __future__ import annotations

from tools.grafana.charts import series, timeline
from tools.grafana.fields import (
    INSTANT,
    NO_WINDOW,
    STATES,
    Json,
    column_link,
    link,
    mapped,
    override,
    override_query,
    severity_columns,
    widths,
)
from tools.grafana.layout import dashboard as whole
from tools.grafana.layout import row
from tools.grafana.pages import monitor_rows as rows
from tools.grafana.pages import story
from tools.grafana.pages.performance_now import UNITS, performance_now
from tools.grafana.panels import answer_of, query, stat, table
from tools.grafana.sql import (
    CHART,
    IN_SEGMENT,
    LANES,
    MONITOR,
    NEWEST,
    SINCE,
    WHOLE,
    measure_name,
    of_window,
    or_sentence,
)
from tools.grafana.variables import (
    axis_variable,
    column_variable,
    monitor_variable,
    segment_variable,
    variable,
)

METRIC = "${performance:sqlstring}"
METRIC_CHART = "The metric against the reference"

HEADLINE = f"""
SELECT m.state, {SINCE} AS since, extract(epoch FROM now() - m.measured_at)::float8 AS age
FROM tidegauge.monitors m WHERE m.monitor = {MONITOR}
"""

ASPECTS = f"""
SELECT l."time", a.aspect AS metric, CASE
        WHEN l.run_id IS NULL THEN -1 WHEN x.breached > 0 THEN 2 WHEN x.judged > 0 THEN 1 ELSE 0
    END::float8 AS value
FROM {LANES} l
CROSS JOIN (SELECT DISTINCT s.aspect FROM tidegauge.series s WHERE s.monitor = {MONITOR} AND s.segment = '') a
LEFT JOIN tidegauge.window_aspect x ON x.run_id = l.run_id AND x.aspect = a.aspect
ORDER BY 1, array_position('{{performance,drift,quality,health}}', a.aspect)
"""

WHY_COLUMNS = (
    *("aspect", "column", "measure", "value", "threshold", "reference", "severity", "next step", "note"),
)
WHY = f"""
SELECT aspect, column_name AS "column",
    {measure_name("segment")} || CASE unit WHEN 'share' THEN ' (share)' ELSE '' END AS measure,
    value, threshold, reference, severity, CASE
        WHEN aspect = 'performance' THEN 'See why it got worse'
        WHEN aspect = 'drift' AND column_name <> '' THEN 'See the column'
        WHEN aspect = 'drift' THEN 'See the drift row below'
        WHEN aspect = 'quality' THEN 'Check where the rows come from'
        ELSE 'Check the server of the model'
    END AS "next step", reason AS note
FROM {NEWEST}
WHERE breached AND decides
ORDER BY aspect <> 'performance', severity DESC NULLS LAST, aspect, column_name, measure LIMIT 50
"""
WHY_NOT = of_window("Nothing is beyond its threshold in the newest window.", NO_WINDOW)


def dashboard() -> Json:
    """Build the page of a monitor."""
    return whole(
        "tidegauge-monitor",
        "Tidegauge 2 · Monitor",
        "One watched model: its state, since when, why, and what to do next. Below, one row of panels per aspect: open "
        "what you need. 'Time axis' chooses between when a window was measured (live) and the window's own event time; "
        "for event time choose a range that covers the data.",
        [
            (3, [(24, story.of_one())]),
            (4, [(4, _state()), (5, _since()), (4, _age()), (4, _drift_share()), (7, _performance())]),
            (6, [(10, _aspects()), (14, _metric())]),
            (7, [(24, _why())]),
            row("Drift: have the inputs or the predictions moved?", *rows.drift()),
            row("Quality: can the rows be trusted?", *rows.quality()),
            row("Performance: every metric, and the labels", *rows.performance()),
            row("Health: the model's server, and the cycles of this monitor", *rows.health()),
        ],
        variables=[
            monitor_variable(),
            axis_variable(),
            segment_variable(),
            _metric_variable(),
            column_variable(several=True),
        ],
        marked=[METRIC_CHART],
    )


def _metric_variable() -> Json:
    sql = (
        f"SELECT metric FROM tidegauge.series WHERE monitor = {MONITOR} AND aspect = 'performance' "
        f"AND {IN_SEGMENT} GROUP BY metric ORDER BY min(headline) NULLS LAST, metric"
    )
    return variable("performance", "Performance", "The performance metric at the top of the page.", sql)


def _state() -> Json:
    return stat(
        "State",
        "The state now, whatever the time range: failing, silent, alarm, breach, waiting or healthy.",
        HEADLINE,
        fields="/^state$/",
        color_mode="background",
        mappings=mapped(STATES),
        links=[link("Every monitor", "tidegauge-overview", axis="${axis}")],
    )


def _since() -> Json:
    return stat(
        "Not healthy since",
        "When the oldest alarm that is still raised began, on the time axis chosen above; of a failing or silent monitor, "
        "when its last cycle worked.",
        [answer_of("State")],
        fields="/^since$/",
        unit=INSTANT,
        empty="no alarm",
        color_mode="none",
    )


def _age() -> Json:
    return stat(
        "Newest window",
        "How long ago the newest window was measured, whatever the time range.",
        [answer_of("State")],
        fields="/^age$/",
        unit="dtdurations",
        decimals=0,
        color_mode="none",
    )


def _drift_share() -> Json:
    return stat(
        "Drifted columns now",
        "Share of the columns that drifted in the newest window of the range, and the share from which the window as a "
        "whole counts as drifted.",
        f"SELECT value AS drifted, threshold FROM {NEWEST}\n"
        f"WHERE aspect = 'drift' AND {WHOLE} AND metric = 'drift_share'",
        unit="percentunit",
        decimals=0,
        text_mode="value_and_name",
        color_mode="none",
    )


def _performance() -> Json:
    return performance_now(
        "Performance: ${performance}",
        "The chosen metric in the newest window of the range, its threshold where the monitor's file gives one, and the "
        "same on the reference. mae and rmse are in the target's unit.",
        METRIC,
        IN_SEGMENT,
    )


def _aspects() -> Json:
    return timeline(
        "State of each aspect",
        "Breached where a measurement of the aspect was beyond its threshold, healthy where all were within, no threshold "
        "where nothing could be judged. Grey: no window was measured.",
        ASPECTS,
    )


def _metric() -> Json:
    columns = ", ".join(
        f"{_chosen(number)} AS {name}"
        for name, number in {
            "now": "value",
            "low": "low",
            "high": "high",
            "reference": "reference",
            "threshold": "threshold",
        }.items()
    )
    sql = f"""
SELECT "time", {columns},
    max(value) FILTER (WHERE metric = 'estimated_' || {METRIC}) AS estimated
FROM {CHART} WHERE aspect = 'performance' AND {IN_SEGMENT} AND metric IN ({METRIC}, 'estimated_' || {METRIC})
    AND unit UNIT 'share'
GROUP BY 1 ORDER BY 1
"""
    return series(
        METRIC_CHART,
        "The performance metric chosen above with its 95 % band, the same on the reference (blue), its threshold (red) "
        "where the monitor's file gives one, and what was expected before labels came (estimated). Marks: performance "
        "alarms and change points.",
        [query(sql.replace("UNIT", unit), ref) for ref, unit in UNITS.items()],
        empty=rows.NO_LABELS,
        decimals=3,
        overrides=[override_query("B", unit="percentunit", decimals=1)],
    )


def _chosen(number: str) -> str:
    return f"max({number}) FILTER (WHERE metric = {METRIC})"


def _why() -> Json:
    to_decline = link(
        "Why it got worse",
        "tidegauge-decline",
        monitor="${monitor:percentencode}",
        axis="${axis}",
    )
    to_column = column_link("${__data.fields.column:percentencode}")
    return table(
        "Why: beyond the threshold in the newest window",
        "What is beyond its threshold in the newest window of the range: performance first, then by severity (1 is the "
        "threshold, higher is worse).",
        or_sentence(WHY, WHY_COLUMNS, "measure", WHY_NOT),
        overrides=[
            *widths(aspect=110, column=150, value=95, threshold=95, reference=95, severity=85),
            *widths(next_step=230, note=260),
            override("column", links=[column_link()]),
            override("next step", links=[to_decline, to_column]),
            *severity_columns(),
        ],
    )
