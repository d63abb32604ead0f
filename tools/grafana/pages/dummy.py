"""The random monitor: rows arrive, windows are measured, and no alarm lasts where nothing drifts."""

from __future__ import annotations

from tools.grafana.charts import bars, series
from tools.grafana.fields import (
    GREEN,
    NO_WINDOW,
    RED,
    STATES,
    Json,
    column_link,
    link,
    mapped,
    override,
    severity_columns,
    steps,
    widths,
)
from tools.grafana.layout import dashboard as whole
from tools.grafana.panels import stat, table, words
from tools.grafana.sql import (
    BUCKET,
    CHART,
    IS_DRIFT_OF_COLUMN,
    MONITOR,
    NEWEST,
    RANGE,
    WHOLE,
    cycles_of,
    measure_name,
    or_sentence,
    quoted,
    worst_lines,
)
from tools.grafana.variables import axis_variable, variable

NO_DUMMY = "No random row in this time range: the demo's `dummy` monitor draws one per cycle."
ROWS = f"tidegauge.dummy_rows({MONITOR}, $__timeFrom(), $__timeTo())"

READING = """
The *dummy* monitor draws a random row each second into its own table and watches it like any other model. It is the
**negative control**: rows must appear without reloading, windows must be measured, and no alarm may last, because
nothing drifts. With `false_alarm_rate: 0.01` one window in a hundred is beyond a threshold by chance.

To see a failure, stop the service: this page goes stale and the overview says *silent*. Start it again: no row is
lost or written twice.
"""


def dashboard() -> Json:
    """Build the page of the dummy monitor."""
    return whole(
        "tidegauge-dummy",
        "Tidegauge 6 · Dummy",
        "Random rows, to see that everything works: rows arrive, windows are measured, nothing drifts for long.",
        [
            (4, [(6, _newest()), (6, _state()), (12, _false_alarms())]),
            (8, [(9, _values()), (8, _labels()), (7, words("What to expect", READING))]),
            (8, [(12, _severities()), (12, _cycles())]),
            (8, [(24, _rows())]),
        ],
        variables=[
            variable(
                "monitor",
                "Monitor",
                "A monitor whose rows are drawn; dummy comes first.",
                "SELECT monitor FROM tidegauge.checkpoint ORDER BY monitor <> 'dummy', monitor",
            ),
            axis_variable(),
        ],
        since="now-15m",
    )


def _newest() -> Json:
    return stat(
        "Newest row",
        "How long ago the newest random row was drawn.",
        f'SELECT extract(epoch FROM now() - max("time"))::float8 AS age FROM {ROWS} HAVING count(*) > 0',
        unit="dtdurations",
        decimals=0,
        thresholds=steps((None, GREEN), (15, RED)),
    )


def _state() -> Json:
    return stat(
        "State",
        "The monitor's state now, as on the overview.",
        f"SELECT state FROM tidegauge.monitors WHERE monitor = {MONITOR}",
        fields="/.*/",
        mappings=mapped(STATES),
        links=[link("Its page", "tidegauge-monitor", monitor="${monitor:percentencode}", axis="${axis}")],
    )


def _false_alarms() -> Json:
    return stat(
        "Windows beyond a threshold",
        "Share of the windows of the range in which any measurement was beyond its threshold: about the false-alarm "
        "rate of the monitor's file, and more by chance while there are few windows that do not overlap.",
        "SELECT avg((a.breached > 0)::integer)::float8 AS share, count(*)::float8 AS windows\n"
        f"FROM tidegauge.chart_windows({MONITOR}, {RANGE}, 900) w\n"
        "CROSS JOIN LATERAL (\n"
        "    SELECT sum(x.breached) AS breached FROM tidegauge.window_aspect x WHERE x.run_id = w.run_id\n"
        ") a HAVING count(*) > 0",
        unit="percentunit",
        decimals=1,
        text_mode="value_and_name",
        color_mode="none",
        overrides=[override("windows", unit="locale")],
    )


def _values() -> Json:
    return series(
        "The random values",
        "value1 is a whole number from 0 to 1,000, value3 lies between 0 and 1 (right axis).",
        f'SELECT "time", value1::float8 AS value1, value3 FROM {ROWS} ORDER BY 1',
        empty=NO_DUMMY,
        overrides=[override("value3", custom__axisPlacement="right")],
    )


def _labels() -> Json:
    return bars(
        "The random labels",
        "How often each label of value2 was drawn in the time range.",
        f"SELECT value2 AS label, count(*)::float8 AS rows FROM {ROWS} GROUP BY 1 ORDER BY 1",
        x="label",
        unit="locale",
        empty=NO_DUMMY,
    )


def _severities() -> Json:
    lines = (
        f'SELECT "time", column_name AS metric, max(severity) AS value FROM {CHART}\n'
        f"WHERE {IS_DRIFT_OF_COLUMN} GROUP BY 1, 2 HAVING max(severity) IS NOT NULL"
    )
    return series(
        "Drift of each column",
        "The worst severity of each column's drift measures: 1 is a threshold. It wanders and crosses now and then.",
        worst_lines(lines),
        soft_min=0,
        thresholds=steps((None, GREEN), (1, RED)),
    )


def _cycles() -> Json:
    cycles = f"""
SELECT {BUCKET} AS "time", sum(rows)::float8 / sum(seconds) AS rows, count(*)::float8 / sum(seconds) AS cycles
FROM ({cycles_of(f"monitor = {MONITOR}")}) c
WHERE seconds > 0 GROUP BY 1 ORDER BY 1
"""
    return series(
        "Rows and cycles per second",
        "Rows taken and cycles run, per second of the wall clock since the cycle before.",
        cycles,
        empty=NO_DUMMY,
        decimals=2,
        soft_min=0,
    )


def _rows() -> Json:
    rows = f"""
SELECT aspect, column_name AS "column", {measure_name()} AS measure, value, threshold, reference, severity, reason AS note
FROM {NEWEST} WHERE {WHOLE} ORDER BY severity DESC NULLS LAST, aspect, column_name, measure
"""
    return table(
        "Everything measured, newest window",
        "Every measurement of the newest window, the worst first, with its threshold and the reference's value.",
        or_sentence(
            rows,
            ("aspect", "column", "measure", "value", "threshold", "reference", "severity", "note"),
            "note",
            quoted(NO_WINDOW),
        ),
        overrides=[
            *widths(
                aspect=110, column=130, measure=260, value=100, threshold=100, reference=100, severity=90
            ),
            override("column", links=[column_link()]),
            *severity_columns(),
        ],
    )
