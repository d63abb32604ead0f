"""The random monitor: whether everything flows, and nothing alarms for long where nothing drifts."""

from __future__ import annotations

from tools.grafana.parts import (
    BUCKET,
    CHART,
    GREEN,
    MONITOR,
    NEWEST,
    RANGE,
    RED,
    Json,
    axis_variable,
    bars,
    link,
    override,
    series,
    stat,
    steps,
    table,
    variable,
    words,
)
from tools.grafana.parts import (
    dashboard as whole,
)

NO_DUMMY = (
    "No random row yet. A monitor with `source: {type: dummy}` makes one a cycle, as config/monitors/dummy.yaml does: "
    "is the service running?"
)
ROWS = f"tidegauge.dummy_rows({MONITOR}, $__timeFrom(), $__timeTo())"
IS_MEASURE = "aspect = 'drift' AND column_name <> '' AND metric NOT LIKE 'error_change%'"

READING = """
The *dummy* monitor draws a random row each second into a table of its own and watches it like any other model. It is
the **negative control**: rows must appear without reloading, windows must be measured, and no alarm may last, because
nothing drifts. With `false_alarm_rate: 0.01` one window in a hundred is over a threshold by chance.

To see the plumbing fail: stop the service (this page goes stale, the overview says *silent*), then start it again: no
row is lost or written twice.
"""


def dashboard() -> Json:
    """Build the page of the dummy monitor."""
    return whole(
        "tidegauge-dummy",
        "Tidegauge dummy",
        "Random rows, to try the plumbing: rows arrive, windows are measured, nothing of it drifts for long.",
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
        empty=NO_DUMMY,
        decimals=0,
        thresholds=steps((None, GREEN), (15, RED)),
    )


def _state() -> Json:
    return stat(
        "State",
        "How the monitor stands now, as on the overview.",
        f"SELECT state FROM tidegauge.monitors WHERE monitor = {MONITOR}",
        text=True,
        empty=NO_DUMMY,
        color_mode="none",
        links=[link("Its page", "tidegauge-monitor", monitor="${monitor:percentencode}", axis="${axis}")],
    )


def _false_alarms() -> Json:
    return stat(
        "Windows over a threshold",
        "Share of the windows of the range in which any measurement was over its threshold: about the false-alarm "
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
        "The random numbers",
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
    return series(
        "Drift of each column",
        "The worst severity of each column's drift measures: 1 is a threshold. It wanders and crosses now and then.",
        f'SELECT "time", column_name AS metric, max(severity) AS value FROM {CHART} '
        f"WHERE {IS_MEASURE} GROUP BY 1, 2 HAVING max(severity) IS NOT NULL ORDER BY 1",
        soft_min=0,
        thresholds=steps((None, GREEN), (1, RED)),
    )


def _cycles() -> Json:
    return series(
        "Rows and cycles",
        "Rows taken and cycles run in each interval, on the wall clock.",
        f'SELECT {BUCKET} AS "time", sum(rows)::float8 AS rows, count(*)::float8 AS cycles FROM tidegauge.cycle_log\n'
        f"WHERE monitor = {MONITOR} AND outcome <> 'skipped' AND $__timeFilter(finished_at) GROUP BY 1 ORDER BY 1",
        unit="locale",
        empty=NO_DUMMY,
        soft_min=0,
    )


def _rows() -> Json:
    return table(
        "What is measured of them",
        "Every measurement of the newest window, with its threshold and the reference's value.",
        "SELECT aspect, column_name AS \"column\", concat_ws(' ', metric, nullif(definition, '')) AS measure, value, "
        f"threshold, reference, severity, reason FROM {NEWEST} ORDER BY severity DESC NULLS LAST, aspect, column_name",
        overrides=[override(name, decimals=4) for name in ("value", "threshold", "reference", "severity")],
    )
