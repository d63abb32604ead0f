"""One column: where it moved to, by which measure, and how far its values can be trusted."""

from __future__ import annotations

from tools.grafana.parts import (
    CHART,
    GREEN,
    MONITOR,
    NEWEST,
    ORANGE,
    RANGE,
    RED,
    Json,
    axis_variable,
    bars,
    column_variable,
    head,
    heatmap,
    link,
    monitor_variable,
    override,
    series,
    stat,
    steps,
    table,
    variable,
)
from tools.grafana.parts import (
    dashboard as whole,
)

COLUMN = "column_name = ${column:sqlstring}"
MEASURE = "concat_ws(' ', metric, nullif(definition, ''))"
IS_MEASURE = f"aspect = 'drift' AND {COLUMN} AND metric NOT LIKE 'error_change%'"
NO_PICTURE = (
    "No distribution in this time range. Choose a longer one; windows that were measured before the service kept "
    "distributions have none."
)
# Bins are named 01, 02 and so on, because a heatmap draws its rows in the order of their names.
CELLS = f"""
SELECT w."time", to_char(cell.bin, 'FM00') || ' · ' || cell.label AS metric,
    CELL AS value
FROM tidegauge.chart_windows({MONITOR}, {RANGE}, 180) w
JOIN tidegauge.window_distribution d ON d.run_id = w.run_id
JOIN tidegauge.column_bins b ON b.id = d.bins_id AND b.{COLUMN}
CROSS JOIN LATERAL unnest(b.label, d.counts, b.reference_counts)
    WITH ORDINALITY AS cell (label, counted, reference_counted, bin)
WHERE w.rows > 0 AND b.id = (
    SELECT id FROM tidegauge.column_bins WHERE monitor = {MONITOR} AND {COLUMN} ORDER BY id DESC LIMIT 1
)
ORDER BY 1, 2
"""
SHARE = "cell.counted::float8 / w.rows"
DIFFERENCE = f"{SHARE} - cell.reference_counted::float8 / nullif(b.reference_rows, 0)"

BESIDE = f"""
SELECT cell.label AS bin, {SHARE} AS now,
    cell.reference_counted::float8 / nullif(b.reference_rows, 0) AS reference
FROM (SELECT * FROM tidegauge.chart_windows({MONITOR}, {RANGE}, 1) ORDER BY window_end DESC LIMIT 1) w
JOIN tidegauge.window_distribution d ON d.run_id = w.run_id
JOIN tidegauge.column_bins b ON b.id = d.bins_id AND b.{COLUMN}
CROSS JOIN LATERAL unnest(b.label, d.counts, b.reference_counts)
    WITH ORDINALITY AS cell (label, counted, reference_counted, bin)
WHERE w.rows > 0
ORDER BY cell.bin
"""


def dashboard() -> Json:
    """Build the page of a column."""
    return whole(
        "tidegauge-column",
        "Tidegauge column",
        "One column of one monitor: its distribution against the reference over time, each drift measure with its "
        "threshold, and how far its values can be trusted.",
        [
            (4, [(6, _severity()), (6, _moved()), (6, _missing_now()), (6, _pages())]),
            (9, [(12, _shares()), (12, _differences())]),
            (8, [(12, _beside()), (12, _measures())]),
            head("Drift: each measure with its threshold"),
            (8, [(12, _severities()), (12, _chosen())]),
            head("Quality: missing, range, categories"),
            (8, [(8, _missing()), (8, _range()), (8, _categories())]),
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
        "The worst severity of the drift measures that decide about the column in the newest window of the range: from 1 it has drifted.",
        f"SELECT max(severity) AS severity FROM {NEWEST} WHERE {IS_MEASURE} AND decides HAVING max(severity) IS NOT NULL",
        decimals=2,
        color_mode="background",
        thresholds=steps((None, GREEN), (0.8, ORANGE), (1, RED)),
    )


def _moved() -> Json:
    return stat(
        "Rows that moved",
        "Share of the rows that would have to change their bin for the newest window to look like the reference "
        "(the total variation over the bins drawn here; a picture, no verdict rests on it).",
        f"SELECT sum(abs(now - reference)) / 2 AS moved FROM ({BESIDE}) AS beside HAVING count(*) > 0",
        unit="percentunit",
        empty=NO_PICTURE,
        decimals=1,
        color_mode="none",
    )


def _missing_now() -> Json:
    return stat(
        "Missing now",
        "Share of the newest window's rows without a value, and the reference's.",
        f"SELECT value AS now, reference FROM {NEWEST} WHERE metric = 'missing_share' AND {COLUMN}",
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
        "Its rows",
        "Rows of the newest window with a value in this column. Click for the pages that this column belongs to.",
        f"SELECT max(rows)::float8 AS rows FROM {NEWEST} WHERE {COLUMN} HAVING max(rows) IS NOT NULL",
        unit="locale",
        color_mode="none",
        links=[
            link("The monitor", "tidegauge-monitor", monitor=variables["monitor"], axis=variables["axis"]),
            link("Why did it get worse", "tidegauge-decline", **variables),
        ],
    )


def _shares() -> Json:
    return heatmap(
        "Distribution over time",
        "Each window's share of rows by bin, brighter is more. The reference fixed the bins: equal widths over its "
        "1 % to 99 % with an open bin on each side, or its most frequent labels; rows without a value are the last.",
        CELLS.replace("CELL", SHARE),
        scheme="Oranges",
        ends=(0.0, 1.0),
        empty=NO_PICTURE,
    )


def _differences() -> Json:
    return heatmap(
        "Difference from the reference",
        "Share of rows less the reference's share, by bin: red has more rows than the reference, blue fewer, pale as "
        "many. The scale ends at 20 % of the rows.",
        CELLS.replace("CELL", DIFFERENCE),
        scheme="RdBu",
        ends=(-0.2, 0.2),
        reverse=True,
        straight=True,
        empty=NO_PICTURE,
    )


def _beside() -> Json:
    return bars(
        "Now beside the reference",
        "Share of rows by bin in the newest window of the range, and in the reference.",
        BESIDE,
        x="bin",
        unit="percentunit",
        empty=NO_PICTURE,
    )


def _measures() -> Json:
    return table(
        "Every measure, newest window",
        "Each drift and quality measure of the column in the newest window of the range, with its threshold, the "
        "reference's value, and a note: why there is no value, or that it is a second opinion which decides nothing.",
        f"SELECT aspect, {MEASURE} AS measure, value, threshold, reference, severity,\n    CASE WHEN threshold IS NOT NULL AND NOT decides THEN 'second opinion' ELSE reason END AS note "
        f"FROM {NEWEST} WHERE {COLUMN} AND metric NOT LIKE 'error_change%' ORDER BY aspect, severity DESC NULLS LAST, measure",
        overrides=[
            override("value", decimals=4),
            override("threshold", decimals=4),
            override("reference", decimals=4),
            override(
                "severity",
                decimals=2,
                custom__cellOptions={"mode": "basic", "type": "color-background"},
                thresholds=steps((None, GREEN), (0.8, ORANGE), (1, RED)),
            ),
        ],
    )


def _severities() -> Json:
    return series(
        "Severity of each measure",
        "Each drift measure against its own threshold: 1 is the threshold, higher is worse, whichever way the "
        "measure itself gets worse.",
        f'SELECT "time", {MEASURE} AS metric, severity AS value FROM {CHART} '
        f"WHERE {IS_MEASURE} AND severity IS NOT NULL ORDER BY 1",
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
        f"SELECT \"time\", value AS missing, reference FROM {CHART} WHERE metric = 'missing_share' AND {COLUMN} ORDER BY 1",
        unit="percentunit",
        soft_min=0,
    )


def _range() -> Json:
    return series(
        "Out of range, infinite, unreadable",
        "Share of rows beyond the declared range (else the reference's), infinite, or no number at all.",
        f"SELECT \"time\", metric, value FROM {CHART} WHERE metric IN ('out_of_range_share', 'infinite_share', "
        f"'unparsable_share') AND {COLUMN} AND value IS NOT NULL ORDER BY 1",
        unit="percentunit",
        empty="A column of labels has no range; see the categories beside.",
        soft_min=0,
    )


def _categories() -> Json:
    return series(
        "Categories",
        "Share of rows of a category that the reference does not have, and how many common ones have vanished.",
        f"SELECT \"time\", metric, value FROM {CHART} WHERE metric IN ('new_category_share', 'vanished_categories') "
        f"AND {COLUMN} AND value IS NOT NULL ORDER BY 1",
        unit="short",
        empty="A column of numbers has no categories; see the range beside.",
        soft_min=0,
        overrides=[override("new_category_share", unit="percentunit")],
    )
