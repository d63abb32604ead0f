"""The collapsed rows of the monitor's page: drift, quality, performance, health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.grafana.charts import series, timeline
from tools.grafana.fields import (
    BLUE,
    GREEN,
    GREY,
    NO_WINDOW,
    ORANGE,
    RED,
    Json,
    column_link,
    link,
    override,
    severity_columns,
    steps,
    widths,
)
from tools.grafana.panels import stat, table
from tools.grafana.sql import (
    BUCKET,
    CHART,
    CHOSEN_COLUMNS,
    IN_SEGMENT,
    IS_DRIFT_OF_COLUMN,
    LANES,
    MAX_LINES,
    MONITOR,
    NEWEST,
    WHOLE,
    cycles_of,
    measure_name,
    of_window,
    or_sentence,
    worst_lines,
)

if TYPE_CHECKING:
    from tools.grafana.layout import Line

NO_LABELS = (
    "No performance in this time range: it needs labels, and `prediction` and `target` in the monitor's file."
)
DRIFT_STATES = {"-1": ("No window", GREY), "0": ("As in the reference", GREEN), "1": ("Drifted", RED)}

SEVERITIES = f"""
SELECT "time", column_name AS metric, max(severity) AS value FROM {CHART}
WHERE {IS_DRIFT_OF_COLUMN} AND decides AND {CHOSEN_COLUMNS} GROUP BY 1, 2 HAVING max(severity) IS NOT NULL
"""

COLUMNS = f"""
SELECT * FROM (
    SELECT DISTINCT ON (column_name) column_name AS "column", {measure_name()} AS measure, value, threshold, severity
    FROM {NEWEST}
    WHERE {IS_DRIFT_OF_COLUMN} AND decides AND {CHOSEN_COLUMNS}
    ORDER BY column_name, severity DESC NULLS LAST
) worst ORDER BY severity DESC NULLS LAST, "column"
"""

DETECTABLE = f"""
SELECT column_name AS "column", value AS "smallest shift", unit, reason AS note FROM {NEWEST}
WHERE aspect = 'drift' AND {WHOLE} AND metric = 'detectable_shift' AND {CHOSEN_COLUMNS}
ORDER BY value DESC NULLS FIRST, "column"
"""

# A column's lane is what any of its deciding measures says; where it was not judged, it has not drifted.
DRIFTED = f"""
SELECT l."time", c.column_name AS metric, CASE
        WHEN l.run_id IS NULL THEN -1 WHEN EXISTS (
            SELECT FROM tidegauge.sample x JOIN tidegauge.series s ON s.id = x.series_id
            WHERE s.monitor = {MONITOR} AND s.aspect = 'drift' AND s.segment = '' AND s.column_name = c.column_name
              AND s.metric NOT LIKE 'error_change%' AND x.computed_at = r.computed_at AND x.run_id = l.run_id
              AND x.decides AND x.breached
        ) THEN 1 ELSE 0
    END::float8 AS value
FROM {LANES} l
LEFT JOIN tidegauge.window_run r ON r.id = l.run_id
CROSS JOIN (
    SELECT DISTINCT column_name FROM tidegauge.series
    WHERE monitor = {MONITOR} AND {IS_DRIFT_OF_COLUMN} AND {CHOSEN_COLUMNS}
) c
ORDER BY 1, 2
"""

GAPS = f"""
SELECT aspect, column_name AS "column", {measure_name("segment")} AS measure, reason
FROM {NEWEST}
WHERE value IS NULL ORDER BY aspect <> 'performance', aspect, column_name, measure
"""


def drift() -> list[Line]:
    """Return the lines of the drift row."""
    return [
        (9, [(14, _severities()), (10, _columns())]),
        (7, [(12, _shares()), (12, _drifted())]),
        (7, [(24, _detectable())]),
    ]


def quality() -> list[Line]:
    """Return the lines of the quality row."""
    return [(8, [(12, _missing()), (12, _strange())]), (7, [(12, _rows()), (12, _integrity())])]


def performance() -> list[Line]:
    """Return the lines of the performance row."""
    return [(8, [(14, _ratios()), (10, _labels())])]


def health() -> list[Line]:
    """Return the lines of the health row."""
    return [(7, [(8, _cycle_time()), (8, _outcomes()), (8, _served())]), (7, [(24, _gaps())])]


def _severities() -> Json:
    return series(
        "Drift of each column",
        f"The {MAX_LINES} columns that drifted most in the range: the worst severity of the drift measures that decide "
        "about a column. 1 is the threshold, higher is worse, whichever way the measure itself gets worse.",
        worst_lines(SEVERITIES),
        many=True,
        soft_min=0,
        thresholds=steps((None, GREEN), (1, RED)),
    )


def _columns() -> Json:
    return table(
        "Every column, newest window",
        "The worst drift measure that decides about each column, in the newest window; the worst column first.",
        or_sentence(
            COLUMNS,
            ("column", "measure", "value", "threshold", "severity"),
            "measure",
            of_window("The newest window has no drift of a column.", NO_WINDOW),
        ),
        overrides=[
            *widths(column=140, value=85, threshold=85, severity=80),
            override("column", links=[column_link()]),
            *severity_columns(),
        ],
    )


def _shares() -> Json:
    return series(
        "Share of drifted columns",
        "The dashed line is the share from which the window as a whole counts as drifted.",
        f'SELECT "time", value AS "drifted columns", threshold FROM {CHART} '
        f"WHERE aspect = 'drift' AND {WHOLE} AND metric = 'drift_share' AND column_name = '' ORDER BY 1",
        unit="percentunit",
        min=0,
        max=1,
    )


def _drifted() -> Json:
    return timeline(
        "Drifted columns",
        "When each column was beyond a drift threshold. Grey: no window was measured.",
        DRIFTED,
        DRIFT_STATES,
    )


def _detectable() -> Json:
    return table(
        "What could be seen",
        "The smallest shift of each column that the newest window would show in 95 of 100 cases, those that it cannot "
        "show first. The note says which windows show a shift of 0.2 standard deviations, or that none does with this "
        "reference. Where thresholds decide on drift, nothing is said.",
        or_sentence(
            DETECTABLE,
            ("column", "smallest shift", "unit", "note"),
            "note",
            of_window("Thresholds decide on drift: nothing is said of what could be seen.", NO_WINDOW),
        ),
        overrides=[
            *widths(**{"column": 140, "smallest shift": 110, "unit": 150}),
            override("column", links=[column_link()]),
        ],
    )


def _missing() -> Json:
    lines = (
        f'SELECT "time", column_name AS metric, value FROM {CHART}\n'
        f"WHERE aspect = 'quality' AND {WHOLE} AND metric = 'missing_share' AND {CHOSEN_COLUMNS} AND value IS NOT NULL"
    )
    return series(
        "Missing values",
        f"Share of the window's rows without a value, of the {MAX_LINES} columns with the most.",
        worst_lines(lines),
        unit="percentunit",
        many=True,
        soft_min=0,
    )


def _strange() -> Json:
    lines = (
        f"SELECT \"time\", column_name || ' ' || metric AS metric, value FROM {CHART}\n"
        f"WHERE aspect = 'quality' AND {WHOLE} AND metric IN ('out_of_range_share', 'new_category_share', "
        f"'infinite_share', 'unparsable_share') AND {CHOSEN_COLUMNS} AND value > 0"
    )
    return series(
        "Unusual values",
        "Share of rows out of range, of a new category, infinite or unreadable; columns without any are left out, and "
        f"of the others the {MAX_LINES} with the most are shown.",
        worst_lines(lines),
        unit="percentunit",
        empty="No value out of range, new, infinite or unreadable in this time range.",
        many=True,
        soft_min=0,
    )


def _rows() -> Json:
    return series(
        "Rows in the window",
        "How many rows each window holds, of all segments together.",
        f'SELECT "time", value AS rows FROM {CHART} '
        f"WHERE aspect = 'quality' AND {WHOLE} AND metric = 'rows' AND column_name = '' ORDER BY 1",
        unit="locale",
        soft_min=0,
    )


def _integrity() -> Json:
    return series(
        "Repeats, order and time",
        "Shares of rows that came twice, whose id came twice, that went back in time or lay in the future.",
        f'SELECT "time", metric, max(value) AS value FROM {CHART} '
        f"WHERE aspect = 'quality' AND {WHOLE} AND metric IN ('duplicate_row_share', 'duplicate_id_share', "
        "'backwards_share', 'future_share') AND value IS NOT NULL GROUP BY 1, 2 ORDER BY 1",
        unit="percentunit",
        soft_min=0,
    )


def _ratios() -> Json:
    # The mean error has a sign and a reference of nearly 0: its ratio would flatten all others.
    lines = (
        f'SELECT "time", metric, value / nullif(reference, 0) AS value FROM {CHART}\n'
        f"WHERE aspect = 'performance' AND unit <> 'rows' AND metric <> 'mean_error' AND {IN_SEGMENT} "
        "AND value / nullif(reference, 0) BETWEEN -1000 AND 1000"
    )
    return series(
        "Metrics relative to the reference",
        f"Performance metrics divided by the reference's: 1 is as on the reference. The {MAX_LINES} farthest from it; the "
        "mean error is left out, because its reference is close to 0.",
        worst_lines(lines, "max(abs(value - 1))"),
        empty=NO_LABELS,
        many=True,
        decimals=2,
        thresholds=steps((None, GREEN), (1, BLUE)),
    )


def _labels() -> Json:
    return series(
        "Labels",
        "Rows of the window whose label has come, and rows that still wait for theirs.",
        # What is expected before labels come, and the share of predicted positives, are of rows without labels too.
        f"SELECT \"time\", max(value) FILTER (WHERE metric = 'pending_rows') AS waiting,\n"
        "    max(rows::float8) FILTER (WHERE metric NOT IN ('pending_rows', 'positive_rate') AND metric NOT LIKE 'estimated%') "
        "AS labelled "
        f"FROM {CHART} WHERE aspect = 'performance' AND {WHOLE} GROUP BY 1 ORDER BY 1",
        unit="locale",
        empty=NO_LABELS,
        soft_min=0,
    )


def _cycle_time() -> Json:
    return series(
        "Cycle time",
        "From the start of a cycle to its commit, the longest of each interval, on the wall clock.",
        f'SELECT {BUCKET} AS "time", max(duration_ms) AS "cycle time"\n'
        f"FROM ({cycles_of(f'monitor = {MONITOR}')}) c GROUP BY 1 ORDER BY 1",
        unit="ms",
        soft_min=0,
    )


def _outcomes() -> Json:
    return stat(
        "Trouble in the time range",
        "Cycles that failed or were skipped, and rows that were refused, on the wall clock.",
        "SELECT count(*) FILTER (WHERE outcome = 'failed')::float8 AS failed,\n"
        "    coalesce(sum(slots) FILTER (WHERE outcome = 'skipped'), 0)::float8 AS skipped,\n"
        '    coalesce(sum(rejected), 0)::float8 AS "refused rows"\n'
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
        f"WHERE aspect = 'health' AND {WHOLE} AND metric LIKE 'latency%' AND value IS NOT NULL ORDER BY 1",
        unit="ms",
        empty="The monitor's file names no latency column (`service:`).",
        soft_min=0,
    )


def _gaps() -> Json:
    return table(
        "Measurements without a value, and why",
        "Every measurement of the newest window that has no value, with its reason.",
        or_sentence(
            GAPS,
            ("aspect", "column", "measure", "reason"),
            "reason",
            of_window("Everything in the newest window could be measured.", NO_WINDOW),
        ),
        overrides=[
            *widths(aspect=110, column=180, measure=300),
            override("column", links=[column_link()]),
        ],
    )
