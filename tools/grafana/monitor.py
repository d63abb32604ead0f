"""One monitor: is it fine, since when not, why; then a row of panels for each aspect."""

from __future__ import annotations

from tools.grafana.overview import STATES
from tools.grafana.parts import (
    BLUE,
    BUCKET,
    CHART,
    GREEN,
    MONITOR,
    NEWEST,
    NO_MONITOR,
    ORANGE,
    POINTS,
    RANGE,
    RED,
    Json,
    axis_variable,
    column_variable,
    head,
    link,
    mapped,
    monitor_variable,
    override,
    segment_variable,
    series,
    stat,
    steps,
    table,
    timeline,
    variable,
)
from tools.grafana.parts import (
    dashboard as whole,
)

CHOSEN = "column_name IN (${column:sqlstring})"
IN_SEGMENT = "segment = CASE ${segment:sqlstring} WHEN '(all rows)' THEN '' ELSE ${segment:sqlstring} END"
IS_MEASURE = "aspect = 'drift' AND column_name <> '' AND metric NOT LIKE 'error_change%'"
NO_LABELS = (
    "No performance in this time range. It needs `prediction` and `target` (or a `task`) in the monitor's file, "
    "and rows whose label has come."
)

ASPECTS = f"""
SELECT w."time", a.aspect AS metric, (CASE WHEN a.breached > 0 THEN 2 WHEN a.judged > 0 THEN 1 ELSE 0 END)::float8 AS value
FROM tidegauge.chart_windows({MONITOR}, {RANGE}, {POINTS}) w
CROSS JOIN LATERAL (SELECT * FROM tidegauge.window_aspect x WHERE x.run_id = w.run_id OFFSET 0) a
ORDER BY 1, array_position('{{drift,quality,performance,health}}', a.aspect)
"""

WHY = f"""
SELECT aspect, column_name AS "column", concat_ws(' ', metric, nullif(definition, ''), nullif(segment, '')) AS measure,
    value, threshold, reference, severity, reason AS note
FROM {NEWEST}
WHERE breached AND decides ORDER BY severity DESC NULLS LAST, aspect, column_name, measure
"""

SEVERITIES = f"""
SELECT "time", column_name AS metric, max(severity) AS value
FROM {CHART}
WHERE {IS_MEASURE} AND decides AND {CHOSEN}
GROUP BY 1, 2 HAVING max(severity) IS NOT NULL ORDER BY 1
"""

COLUMNS = f"""
SELECT DISTINCT ON (column_name) column_name AS "column", concat_ws(' ', metric, nullif(definition, '')) AS measure,
    value, threshold, severity, reason
FROM {NEWEST}
WHERE {IS_MEASURE} AND decides AND {CHOSEN}
ORDER BY column_name, severity DESC NULLS LAST
"""

GAPS = f"""
SELECT aspect, column_name AS "column", concat_ws(' ', metric, nullif(definition, ''), nullif(segment, '')) AS measure,
    reason
FROM {NEWEST}
WHERE value IS NULL ORDER BY aspect, column_name, measure
"""


def dashboard() -> Json:
    """Build the page of a monitor."""
    return whole(
        "tidegauge-monitor",
        "Tidegauge monitor",
        "One watched model. At the top: is it fine, since when not, and why. Below, a row of panels for each aspect: "
        "drift, quality, performance, health. 'Time axis' chooses between when a number was measured (live) and the "
        "event time of its window; for event time choose a range that covers the data.",
        [
            (4, [(5, _state()), (4, _since()), (5, _share()), (6, _performance()), (4, _freshness())]),
            (8, [(13, _aspects()), (11, _why())]),
            head("Drift: did the inputs or outputs move?"),
            (9, [(14, _severities()), (10, _columns())]),
            (7, [(12, _shares()), (12, _drifted())]),
            head("Quality: can the rows be trusted?"),
            (8, [(12, _missing()), (12, _strange())]),
            (7, [(12, _rows()), (12, _integrity())]),
            head("Performance: is it right, where labels have come?"),
            (9, [(14, _metric()), (10, _ratios())]),
            (7, [(24, _pending())]),
            head("Health: is it served, and measured?"),
            (7, [(8, _cycle_time()), (8, _outcomes()), (8, _served())]),
            (7, [(24, _gaps())]),
        ],
        variables=[
            monitor_variable(),
            axis_variable(),
            column_variable(several=True),
            _metric_variable(),
            segment_variable(),
        ],
    )


def _metric_variable() -> Json:
    sql = (
        f"SELECT metric FROM tidegauge.series WHERE monitor = {MONITOR} AND aspect = 'performance' GROUP BY metric "
        "ORDER BY min(headline) NULLS LAST, metric"
    )
    return variable("performance", "Performance", "The performance metric in the large panel.", sql)


def _state() -> Json:
    return stat(
        "Is it fine?",
        "How the monitor stands now, whatever the time range: failing, silent, alarm, breach, waiting or fine.",
        f"SELECT state FROM tidegauge.monitors WHERE monitor = {MONITOR}",
        text=True,
        empty=NO_MONITOR,
        color_mode="background",
        mappings=STATES,
        links=[link("Every monitor", "tidegauge-overview", axis="${axis}")],
    )


def _since() -> Json:
    return stat(
        "Since when not",
        "How long ago the oldest alarm that is still raised began, or the last cycle worked. Empty while it is fine.",
        f"SELECT extract(epoch FROM since)::float8 * 1000 AS since FROM tidegauge.monitors WHERE monitor = {MONITOR}",
        unit="dateTimeFromNow",
        empty="fine",
        color_mode="none",
    )


def _share() -> Json:
    return stat(
        "Drift share now",
        "Share of the columns that drifted in the newest window of the range, and the share from which the whole "
        "counts as drifted.",
        f"SELECT value AS drifted, threshold FROM {NEWEST} WHERE aspect = 'drift' AND metric = 'drift_share'",
        unit="percentunit",
        decimals=0,
        text_mode="value_and_name",
        color_mode="none",
    )


def _performance() -> Json:
    return stat(
        "Performance",
        "The chosen metric in the newest window of the range, beside the reference's.",
        f"SELECT value AS now, reference FROM {NEWEST}\n"
        f"WHERE aspect = 'performance' AND metric = ${{performance:sqlstring}} AND {IN_SEGMENT}",
        empty="no labels",
        decimals=3,
        text_mode="value_and_name",
        color_mode="none",
    )


def _freshness() -> Json:
    return stat(
        "Newest window",
        "How long ago the newest window was measured, whatever the time range.",
        f"SELECT extract(epoch FROM now() - measured_at)::float8 AS age FROM tidegauge.monitors WHERE monitor = {MONITOR}",
        unit="dtdurations",
        empty=NO_MONITOR,
        decimals=0,
        color_mode="none",
    )


def _aspects() -> Json:
    return timeline(
        "Since when: the four aspects",
        "Each window's verdict by aspect: red where a measurement was over its threshold, green where all kept to "
        "theirs, blue where nothing has a threshold. Annotations mark alarms.",
        ASPECTS,
        mappings=mapped(_0=("no threshold", BLUE), _1=("fine", GREEN), _2=("breached", RED)),
        color={"mode": "thresholds"},
        thresholds=steps((None, BLUE), (1, GREEN), (2, RED)),
    )


def _why() -> Json:
    return table(
        "Why: over its threshold in the newest window",
        "What breached in the newest window of the range, the worst first (severity 1 is the threshold, higher is "
        "worse). A click on a column leads to its distribution.",
        WHY,
        empty="Nothing is over its threshold in the newest window of this time range.",
        overrides=[_to_column(), *_numbers()],
    )


def _severities() -> Json:
    return series(
        "Drift of each column",
        "The worst severity of the drift measures that decide about a column: 1 is a threshold, higher is worse, whichever way the "
        "measure itself gets worse. The line is the threshold.",
        SEVERITIES,
        soft_min=0,
        thresholds=steps((None, GREEN), (1, RED)),
    )


def _columns() -> Json:
    return table(
        "Every column, newest window",
        "The worst of the drift measures that decide about each column, in the newest window. A click leads to the column.",
        COLUMNS,
        overrides=[_to_column(), *_numbers()],
    )


def _shares() -> Json:
    return series(
        "Drift share",
        "Share of the columns that drifted; the dashed line is the share from which the whole counts as drifted.",
        f'SELECT "time", value AS "drift share", threshold FROM {CHART} '
        "WHERE aspect = 'drift' AND metric = 'drift_share' AND column_name = '' ORDER BY 1",
        unit="percentunit",
        min=0,
        max=1,
    )


def _drifted() -> Json:
    return timeline(
        "Drifted columns",
        "When each column was over a drift threshold.",
        f'SELECT "time", column_name AS metric, max(breached::integer)::float8 AS value FROM {CHART} '
        f"WHERE {IS_MEASURE} AND decides AND {CHOSEN} AND breached IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
        mappings=mapped(_0=("as validated", GREEN), _1=("drifted", RED)),
        color={"mode": "thresholds"},
        thresholds=steps((None, GREEN), (1, RED)),
    )


def _missing() -> Json:
    return series(
        "Missing values",
        "Share of the window's rows without a value, by column.",
        f'SELECT "time", column_name AS metric, value FROM {CHART} '
        f"WHERE aspect = 'quality' AND metric = 'missing_share' AND {CHOSEN} AND value IS NOT NULL ORDER BY 1",
        unit="percentunit",
        soft_min=0,
    )


def _strange() -> Json:
    return series(
        "Strange values",
        "Share of rows out of range, of a new category, infinite or unreadable; columns without any are left out.",
        f"SELECT \"time\", column_name || ' ' || metric AS metric, value FROM {CHART}\n"
        "WHERE aspect = 'quality' AND metric IN ('out_of_range_share', 'new_category_share', 'infinite_share', "
        f"'unparsable_share') AND {CHOSEN} AND value > 0 ORDER BY 1",
        unit="percentunit",
        empty="No value out of range, new, infinite or unreadable in this time range.",
        soft_min=0,
    )


def _rows() -> Json:
    return series(
        "Rows in the window",
        "How many rows each window holds.",
        f'SELECT "time", value AS rows FROM {CHART} '
        "WHERE aspect = 'quality' AND metric = 'rows' AND column_name = '' ORDER BY 1",
        unit="locale",
        soft_min=0,
    )


def _integrity() -> Json:
    return series(
        "Repeats, order and time",
        "Shares of rows that came twice, whose id came twice, that went back in time or lay in the future.",
        f'SELECT "time", metric, max(value) AS value FROM {CHART} '
        "WHERE aspect = 'quality' AND metric IN ('duplicate_row_share', 'duplicate_id_share', 'backwards_share', "
        "'future_share') AND value IS NOT NULL GROUP BY 1, 2 ORDER BY 1",
        unit="percentunit",
        soft_min=0,
    )


def _metric() -> Json:
    return series(
        "The chosen metric against the reference",
        "The performance metric chosen above, its 95 % band, the same on the reference (blue), its threshold (red) "
        "where the monitor's file gives one, and what was to be expected before labels came (estimated).",
        f'SELECT "time", {_chosen("value")} AS now, {_chosen("low")} AS low, {_chosen("high")} AS high,\n'
        f"    {_chosen('reference')} AS reference, {_chosen('threshold')} AS threshold,\n"
        "    max(value) FILTER (WHERE metric = 'estimated_' || ${performance:sqlstring}) AS estimated\n"
        f"FROM {CHART} WHERE aspect = 'performance' AND {IN_SEGMENT}\n"
        "    AND metric IN (${performance:sqlstring}, 'estimated_' || ${performance:sqlstring})\n"
        "GROUP BY 1 ORDER BY 1",
        empty=NO_LABELS,
        decimals=3,
    )


def _chosen(number: str) -> str:
    return f"max({number}) FILTER (WHERE metric = ${{performance:sqlstring}})"


def _ratios() -> Json:
    return series(
        "Every metric, relative to the reference",
        "Each performance metric divided by the reference's: 1 is as validated.",
        f'SELECT "time", metric, value / nullif(reference, 0) AS value FROM {CHART} '
        f"WHERE aspect = 'performance' AND unit <> 'rows' AND {IN_SEGMENT} "
        "AND value / nullif(reference, 0) BETWEEN -1000 AND 1000 ORDER BY 1",
        empty=NO_LABELS,
        decimals=2,
        thresholds=steps((None, GREEN), (1, BLUE)),
    )


def _pending() -> Json:
    return series(
        "Labels",
        "Rows of the window whose label has come, and rows that still wait for theirs.",
        f"SELECT \"time\", max(value) FILTER (WHERE metric = 'pending_rows') AS waiting,\n"
        "    max(rows::float8) FILTER (WHERE metric <> 'pending_rows') AS labelled "
        f"FROM {CHART} WHERE aspect = 'performance' AND segment = '' GROUP BY 1 ORDER BY 1",
        unit="locale",
        empty=NO_LABELS,
        soft_min=0,
    )


def _cycle_time() -> Json:
    return series(
        "Cycle time",
        "From the start of a cycle to its commit, the longest of each interval, on the wall clock.",
        f'SELECT {BUCKET} AS "time", max(duration_ms) AS "cycle time" FROM tidegauge.cycle_log\n'
        f"WHERE monitor = {MONITOR} AND outcome <> 'skipped' AND $__timeFilter(finished_at) GROUP BY 1 ORDER BY 1",
        unit="ms",
        soft_min=0,
    )


def _outcomes() -> Json:
    return stat(
        "Trouble in the time range",
        "Cycles that failed or were skipped, and rows that were refused, on the wall clock.",
        "SELECT count(*) FILTER (WHERE outcome = 'failed')::float8 AS failed,\n"
        "    coalesce(sum(slots) FILTER (WHERE outcome = 'skipped'), 0)::float8 AS skipped,\n"
        "    coalesce(sum(rejected), 0)::float8 AS rejected\n"
        f"FROM tidegauge.cycle_log WHERE monitor = {MONITOR} AND $__timeFilter(finished_at) HAVING count(*) > 0",
        decimals=0,
        text_mode="value_and_name",
        thresholds=steps((None, GREEN), (1, ORANGE)),
        links=[link("The service's health", "tidegauge-health", monitor="${monitor:percentencode}")],
    )


def _served() -> Json:
    return series(
        "The model's own latency",
        "Latency of the watched model by quantile, where the monitor's file names its column (`service:`).",
        f'SELECT "time", metric, value FROM {CHART} '
        "WHERE aspect = 'health' AND metric LIKE 'latency%' AND value IS NOT NULL ORDER BY 1",
        unit="ms",
        empty="The monitor's file names no latency column: service: {latency_ms: COLUMN, error: COLUMN}.",
        soft_min=0,
    )


def _gaps() -> Json:
    return table(
        "Numbers that are missing, and why",
        "Every measurement of the newest window that has no value, with its reason.",
        GAPS,
        empty="Every number of the newest window could be measured.",
        overrides=[_to_column()],
    )


def _to_column() -> Json:
    to = link(
        "The column's page",
        "tidegauge-column",
        monitor="${monitor:percentencode}",
        axis="${axis}",
        column="${__value.raw:percentencode}",
    )
    return override("column", links=[to])


def _numbers() -> list[Json]:
    colored = {"mode": "basic", "type": "color-background"}
    return [
        override("value", decimals=3),
        override("threshold", decimals=3),
        override("reference", decimals=3),
        override(
            "severity",
            decimals=2,
            custom__cellOptions=colored,
            thresholds=steps((None, GREEN), (0.8, ORANGE), (1, RED)),
        ),
    ]
