"""The page of one column: where it moved to, by which measure, and how far its values can be trusted."""

from __future__ import annotations

from tools.grafana.charts import bars, heatmap, series
from tools.grafana.fields import (
    GREEN,
    NO_WINDOW,
    ORANGE,
    RED,
    Json,
    link,
    override,
    severity_columns,
    steps,
    widths,
)
from tools.grafana.layout import dashboard as whole
from tools.grafana.layout import row
from tools.grafana.panels import answer_of, stat, table
from tools.grafana.sql import (
    CHART,
    COLUMN,
    MONITOR,
    NEWEST,
    RANGE,
    WHOLE,
    measure_name,
    of_window,
    or_sentence,
    worst_lines,
)
from tools.grafana.variables import axis_variable, column_variable, monitor_variable, variable

MEASURE = measure_name()
IS_MEASURE = f"aspect = 'drift' AND {WHOLE} AND {COLUMN} AND metric NOT LIKE 'error_change%'"
NO_PICTURE = "No distribution in this time range. Choose a longer one."
NO_COLUMN = "The newest window has no measurement of this column."
# Bins are named 01, 02 and so on, because a heatmap draws its rows in the order of their names.
CELLS = f"""
WITH w AS MATERIALIZED (SELECT * FROM tidegauge.chart_windows({MONITOR}, {RANGE}, 180) x WHERE x.rows > 0)
SELECT w."time", lpad(cell.bin::text, greatest(2, length((max(cell.bin) OVER ())::text)), '0') || ' · ' || cell.label
        AS metric,
    CELL AS value
FROM tidegauge.drawn_bins(
    (SELECT id FROM tidegauge.column_bins WHERE monitor = {MONITOR} AND {COLUMN} ORDER BY id DESC LIMIT 1),
    (SELECT array_agg(w.run_id) FROM w)
) cell
JOIN w ON w.run_id = cell.run_id
ORDER BY 1, 2
"""
SHARE = "cell.counted::float8 / w.rows"
DIFFERENCE = f"{SHARE} - cell.reference_counted::float8 / nullif(cell.reference_rows, 0)"

BESIDE = f"""
SELECT cell.label AS bin, {SHARE} AS now,
    cell.reference_counted::float8 / nullif(cell.reference_rows, 0) AS reference
FROM (SELECT * FROM tidegauge.chart_windows({MONITOR}, {RANGE}, 1) ORDER BY window_end DESC LIMIT 1) w
JOIN tidegauge.window_distribution d ON d.run_id = w.run_id
JOIN tidegauge.column_bins b ON b.id = d.bins_id AND b.{COLUMN}
CROSS JOIN LATERAL tidegauge.drawn_bins(b.id, ARRAY[w.run_id]) cell
WHERE w.rows > 0
ORDER BY cell.bin
"""


NOW = f"""
SELECT max(severity) FILTER (WHERE aspect = 'drift' AND metric NOT LIKE 'error_change%' AND decides) AS severity,
    max(value) FILTER (WHERE metric = 'missing_share') AS missing,
    max(reference) FILTER (WHERE metric = 'missing_share') AS "in the reference",
    max(rows)::float8 AS rows
FROM {NEWEST} WHERE {WHOLE} AND {COLUMN} HAVING count(*) > 0
"""


def dashboard() -> Json:
    """Build the page of a column."""
    return whole(
        "tidegauge-column",
        "Tidegauge 3 · Column",
        "One column of one monitor: its distribution against the reference over time, each drift measure with its "
        "threshold, and how far its values can be trusted.",
        [
            (3, [(6, _severity()), (6, _moved()), (6, _missing_now()), (6, _pages())]),
            (8, [(12, _beside()), (12, _measures())]),
            (8, [(12, _shares()), (12, _differences())]),
            row("Drift: each measure with its threshold", (8, [(12, _severities()), (12, _chosen())])),
            row(
                "Quality: missing, range, categories",
                (8, [(8, _missing()), (8, _range()), (8, _categories())]),
            ),
        ],
        variables=[monitor_variable(), axis_variable(), column_variable(several=False), _measure_variable()],
    )


def _measure_variable() -> Json:
    sql = (
        f"SELECT {MEASURE} FROM tidegauge.series WHERE monitor = {MONITOR} AND {IS_MEASURE} "
        f"GROUP BY {MEASURE} ORDER BY min(id)"
    )
    return variable("measure", "Measure", "The drift measure in the panel beside the severities.", sql)


def _severity() -> Json:
    return stat(
        "Worst severity",
        "The worst severity of the drift measures that decide about the column, in the newest window of the range: from 1 "
        "the column has drifted.",
        NOW,
        fields="/^severity$/",
        decimals=2,
        color_mode="background",
        thresholds=steps((None, GREEN), (0.8, ORANGE), (1, RED)),
    )


def _moved() -> Json:
    return stat(
        "Rows that moved",
        "Share of the rows that would have to change their bin for the newest window to look like the reference "
        "(the total variation over the bins drawn below; no verdict rests on it).",
        f"SELECT sum(abs(now - reference)) / 2 AS moved FROM ({BESIDE}) AS beside HAVING count(*) > 0",
        unit="percentunit",
        decimals=1,
        color_mode="none",
    )


def _missing_now() -> Json:
    return stat(
        "Missing now",
        "Share of the newest window's rows without a value, and the reference's.",
        [answer_of("Worst severity")],
        fields="/^(missing|in the reference)$/",
        unit="percentunit",
        decimals=1,
        text_mode="value_and_name",
        color_mode="none",
    )


def _pages() -> Json:
    variables = {
        "monitor": "${monitor:percentencode}",
        "axis": "${axis}",
        "column": "${column:percentencode}",
    }
    return stat(
        "Rows",
        "Rows of the newest window with a value in this column. A click leads to the monitor and to why it got worse.",
        [answer_of("Worst severity")],
        fields="/^rows$/",
        unit="locale",
        color_mode="none",
        links=[
            link("The monitor", "tidegauge-monitor", monitor=variables["monitor"], axis=variables["axis"]),
            link("Why it got worse", "tidegauge-decline", **variables),
        ],
    )


def _shares() -> Json:
    return heatmap(
        "Distribution over time",
        "Each window's share of rows by bin, on the scale below the chart. The reference fixed the bins: equal widths "
        "over its 1 % to 99 % with an open bin on each side, or its most frequent labels; rows without a value are last. "
        "An open bin that holds more than a tenth of a window's rows is continued.",
        CELLS.replace("CELL", SHARE),
        scheme="Oranges",
        ends=(0.0, 1.0),
        empty=NO_PICTURE,
    )


def _differences() -> Json:
    return heatmap(
        "Difference from the reference",
        "Share of rows less the reference's share, by bin: red is more than in the reference, blue is less. The scale "
        "ends at 20 % of the rows.",
        CELLS.replace("CELL", DIFFERENCE),
        scheme="RdBu",
        ends=(-0.2, 0.2),
        straight=True,
        empty=NO_PICTURE,
    )


def _beside() -> Json:
    return bars(
        "Now and in the reference",
        "Share of rows by bin in the newest window of the range, and in the reference.",
        BESIDE,
        x="bin",
        unit="percentunit",
        empty=NO_PICTURE,
    )


def _measures() -> Json:
    rows = f"""
SELECT aspect, {MEASURE} AS measure, value, threshold, reference, severity,
    CASE WHEN threshold IS NOT NULL AND NOT decides THEN 'second opinion' ELSE reason END AS note
FROM {NEWEST} WHERE {WHOLE} AND {COLUMN} AND metric NOT LIKE 'error_change%'
ORDER BY severity DESC NULLS LAST, aspect, measure
"""
    return table(
        "Every measure, newest window",
        "Each drift and quality measure of the column in the newest window of the range, the worst first, with a note: why "
        "there is no value, or that it is a second opinion, which decides nothing.",
        or_sentence(
            rows,
            ("aspect", "measure", "value", "threshold", "reference", "severity", "note"),
            "measure",
            of_window(NO_COLUMN, NO_WINDOW),
        ),
        overrides=[
            *widths(aspect=80, value=80, threshold=85, reference=85, severity=75, note=120),
            *severity_columns(),
        ],
    )


def _severities() -> Json:
    lines = (
        f'SELECT "time", {MEASURE} AS metric, severity AS value FROM {CHART}\n'
        f"WHERE {IS_MEASURE} AND severity IS NOT NULL"
    )
    return series(
        "Severity of each measure",
        "Each drift measure against its own threshold: 1 is the threshold, higher is worse, whichever way the "
        "measure itself gets worse.",
        worst_lines(lines),
        many=True,
        soft_min=0,
        thresholds=steps((None, GREEN), (1, RED)),
    )


def _chosen() -> Json:
    return series(
        "The chosen measure",
        "The measure chosen above in its own unit, and its threshold. A p-value gets worse downwards.",
        f'SELECT "time", value, threshold FROM {CHART} WHERE {IS_MEASURE} AND {MEASURE} = ${{measure:sqlstring}} ORDER BY 1',
        decimals=4,
    )


def _missing() -> Json:
    return series(
        "Missing",
        "Share of rows without a value, and the reference's.",
        f"SELECT \"time\", value AS missing, reference FROM {CHART} WHERE {WHOLE} AND metric = 'missing_share' AND {COLUMN} ORDER BY 1",
        unit="percentunit",
        soft_min=0,
    )


def _range() -> Json:
    return series(
        "Out of range, infinite, unreadable",
        "Share of rows beyond the declared range (else the reference's), infinite, or not a number.",
        f"SELECT \"time\", metric, value FROM {CHART} WHERE {WHOLE} AND metric IN ('out_of_range_share', 'infinite_share', "
        f"'unparsable_share') AND {COLUMN} AND value IS NOT NULL ORDER BY 1",
        unit="percentunit",
        empty="A categorical column has no range: see the categories.",
        soft_min=0,
    )


def _categories() -> Json:
    return series(
        "Categories",
        "Share of rows of a category that the reference does not have, and how many common ones have vanished.",
        f"SELECT \"time\", metric, value FROM {CHART} WHERE {WHOLE} AND metric IN ('new_category_share', 'vanished_categories') "
        f"AND {COLUMN} AND value IS NOT NULL ORDER BY 1",
        unit="short",
        empty="A numerical column has no categories: see the range.",
        soft_min=0,
        overrides=[override("new_category_share", unit="percentunit")],
    )
