"""Is the model served, and is Tidegauge itself well? Its own cycles are charted on the wall clock."""

from __future__ import annotations

from tools.grafana.parts import (
    BUCKET,
    GREEN,
    NO_MONITOR,
    ORANGE,
    RANGE,
    RED,
    Json,
    axis_variable,
    head,
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

CHOSEN = "monitor IN (${monitor:sqlstring})"
IN_RANGE = f"{CHOSEN} AND $__timeFilter(finished_at)"
NO_CYCLE = (
    "No cycle in this time range. Is the service running? Choose a longer range to see when the last one was."
)
NO_SERVICE = (
    "Nothing is known of how the model is served. Name its columns in the monitor's file: "
    "service: {latency_ms: COLUMN, error: COLUMN}."
)
OF_THE_MODEL = """
SELECT v."time", c.monitor || {name} AS metric, v.value
FROM (SELECT monitor FROM tidegauge.checkpoint WHERE monitor IN (${{monitor:sqlstring}})) c
CROSS JOIN LATERAL tidegauge.chart(c.monitor, {range}, 120) v
WHERE v.aspect = 'health' AND v.metric {metric} AND v.value IS NOT NULL
ORDER BY 1
"""


def dashboard() -> Json:
    """Build the page of service health."""
    return whole(
        "tidegauge-health",
        "Tidegauge service health",
        "Above: traffic, latency and errors of the watched models, where their rows say so. Below: Tidegauge's own "
        "cycles, on the wall clock: how long they take, how far behind they are, what failed, what was refused.",
        [
            (4, [(6, _down()), (6, _cycles()), (12, _trouble())]),
            head("The watched models"),
            (7, [(8, _traffic()), (8, _latency()), (8, _errors())]),
            head("Tidegauge itself"),
            (7, [(8, _cycle_time()), (8, _rows()), (8, _lag())]),
            (7, [(8, _skipped()), (8, _database()), (8, _newest())]),
            (8, [(12, _failed()), (12, _rejected())]),
        ],
        variables=[
            variable(
                "monitor",
                "Monitor",
                "The watched models; at first all of them.",
                "SELECT monitor FROM tidegauge.checkpoint ORDER BY 1",
                several=True,
            ),
            axis_variable(),
        ],
        of_monitor="${monitor:sqlstring}",
    )


def _down() -> Json:
    return stat(
        "Last cycle",
        "How long ago any monitor finished a cycle, whatever the time range.",
        "SELECT extract(epoch FROM now() - max(last_good_at))::float8 AS age FROM tidegauge.monitors\n"
        "HAVING max(last_good_at) IS NOT NULL",
        unit="dtdurations",
        empty=NO_MONITOR,
        decimals=0,
        thresholds=steps((None, GREEN), (60, ORANGE), (300, RED)),
    )


def _cycles() -> Json:
    return stat(
        "Cycles",
        "Cycles that finished in the time range.",
        f"SELECT count(*)::float8 AS cycles FROM tidegauge.cycle_log WHERE {IN_RANGE} "
        "AND outcome NOT IN ('skipped', 'failed') HAVING count(*) > 0",
        unit="locale",
        empty=NO_CYCLE,
        color_mode="none",
    )


def _trouble() -> Json:
    return stat(
        "Trouble in the time range",
        "Cycles that failed, cycles that were skipped because an earlier one still ran, and rows that were refused.",
        "SELECT count(*) FILTER (WHERE outcome = 'failed')::float8 AS failed,\n"
        "    coalesce(sum(slots) FILTER (WHERE outcome = 'skipped'), 0)::float8 AS skipped,\n"
        '    coalesce(sum(rejected), 0)::float8 AS "rejected rows"\n'
        f"FROM tidegauge.cycle_log WHERE {IN_RANGE} HAVING count(*) > 0",
        empty=NO_CYCLE,
        decimals=0,
        text_mode="value_and_name",
        thresholds=steps((None, GREEN), (1, ORANGE)),
    )


def _model(name: str, metric: str) -> str:
    return OF_THE_MODEL.format(name=name, range=RANGE, metric=metric)


def _traffic() -> Json:
    return series(
        "Traffic",
        "Rows a second of event time that the models predicted.",
        _model("''", "= 'traffic'"),
        unit="rowsps",
        empty=NO_SERVICE,
        soft_min=0,
    )


def _latency() -> Json:
    return series(
        "Latency",
        "Latency of the models by quantile.",
        _model("' ' || replace(v.metric, 'latency_', '')", "LIKE 'latency%'"),
        unit="ms",
        empty=NO_SERVICE,
        soft_min=0,
    )


def _errors() -> Json:
    return series(
        "Errors",
        "Share of the rows that the models' servers marked as errors.",
        _model("''", "= 'error_share'"),
        unit="percentunit",
        empty=NO_SERVICE,
        soft_min=0,
    )


def _bucketed(value: str, where: str = "outcome <> 'skipped'") -> str:
    return (
        f'SELECT {BUCKET} AS "time", monitor AS metric, {value} AS value FROM tidegauge.cycle_log\n'
        f"WHERE {IN_RANGE} AND {where} GROUP BY 1, 2 ORDER BY 1"
    )


def _cycle_time() -> Json:
    return series(
        "Cycle time",
        "From the start of a cycle to its commit, the longest of each interval.",
        _bucketed("max(duration_ms)"),
        unit="ms",
        empty=NO_CYCLE,
        soft_min=0,
    )


def _rows() -> Json:
    return series(
        "Rows a second",
        "Rows taken from each source, by second of the wall clock.",
        _bucketed("sum(rows) / ($__interval_ms / 1000.0)::float8"),
        unit="rowsps",
        empty=NO_CYCLE,
        soft_min=0,
    )


def _lag() -> Json:
    return series(
        "Lag",
        "How far each source is behind, as it says itself; a source that cannot say has no line.",
        _bucketed("max(lag_seconds)", "lag_seconds IS NOT NULL"),
        unit="s",
        empty="No source in this time range says how far behind it is.",
        soft_min=0,
    )


def _skipped() -> Json:
    return series(
        "Skipped and failed cycles",
        "How many cycles of each interval were skipped or failed. Nothing is lost: the next cycle goes on where the "
        "last one that worked stopped.",
        f"SELECT {BUCKET} AS \"time\", coalesce(sum(slots) FILTER (WHERE outcome = 'skipped'), 0)::float8 AS skipped,\n"
        "    count(*) FILTER (WHERE outcome = 'failed')::float8 AS failed\n"
        f"FROM tidegauge.cycle_log WHERE {IN_RANGE} GROUP BY 1 ORDER BY 1",
        empty=NO_CYCLE,
        bars=True,
        decimals=0,
    )


# The newest cycle of each of so many intervals, and what the view tells of it: whatever metrics it has.
OWN = """
SELECT v.computed_at AS "time", v.monitor || ' ' || v.metric AS metric, v.value
FROM (SELECT monitor FROM tidegauge.checkpoint WHERE monitor IN (${monitor:sqlstring})) c
CROSS JOIN generate_series(0, 119) AS place
CROSS JOIN LATERAL (
    SELECT l.finished_at FROM tidegauge.cycle_log l
    WHERE l.monitor = c.monitor
      AND l.finished_at >= $__timeFrom()::timestamptz + place * ($__timeTo()::timestamptz - $__timeFrom()) / 120
      AND l.finished_at < $__timeFrom()::timestamptz + (place + 1) * ($__timeTo()::timestamptz - $__timeFrom()) / 120
    ORDER BY l.finished_at DESC LIMIT 1
) cycle
JOIN tidegauge.cycle_metrics v ON v.monitor = c.monitor AND v.computed_at = cycle.finished_at
WHERE v.metric LIKE 'database%' AND v.value IS NOT NULL
ORDER BY 1
"""
NOW = """
SELECT c.monitor, v.metric, v.value, v.unit, v.reason
FROM (SELECT monitor, last_good_at FROM tidegauge.monitors WHERE monitor IN (${monitor:sqlstring})) c
JOIN tidegauge.cycle_metrics v ON v.monitor = c.monitor AND v.computed_at = c.last_good_at
ORDER BY 1, 2
"""


def _database() -> Json:
    return series(
        "Database",
        "What the service records of the time that a cycle waits for the database.",
        OWN,
        unit="ms",
        empty="The service records no database times of its cycles.",
        soft_min=0,
    )


def _newest() -> Json:
    return table(
        "Everything the service says of its newest cycle",
        "Every metric of each monitor's newest cycle that worked, by its name.",
        NOW,
        empty=NO_MONITOR,
        overrides=[override("value", decimals=2)],
    )


def _failed() -> Json:
    return table(
        "Cycles that failed",
        "The newest failures in the time range, with their error.",
        'SELECT finished_at AS "when", monitor, error FROM tidegauge.cycle_log\n'
        f"WHERE {IN_RANGE} AND outcome = 'failed' ORDER BY finished_at DESC LIMIT 50",
        empty="No cycle failed in this time range.",
        overrides=[_when()],
    )


def _rejected() -> Json:
    return table(
        "Rows that were refused",
        "How many rows were refused in the time range, by reason, with the newest of them.",
        'SELECT max(received_at) AS "when", monitor, reason, count(*)::float8 AS "kept rows",\n'
        '    (array_agg("row" ORDER BY received_at DESC))[1]::text AS "newest row"\n'
        f"FROM tidegauge.rejected_row WHERE {CHOSEN} AND $__timeFilter(received_at)\n"
        "GROUP BY monitor, reason ORDER BY 1 DESC LIMIT 50",
        empty="No row was refused in this time range.",
        overrides=[_when()],
    )


def _when() -> Json:
    return override("when", unit="dateTimeFromNow", custom__width=130)
