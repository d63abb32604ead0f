"""Service health: Tidegauge's own cycles on the wall clock, and how the watched models are served."""

from __future__ import annotations

from tools.grafana.charts import series
from tools.grafana.fields import (
    BLUE,
    GREEN,
    INSTANT,
    NO_MONITOR,
    ORANGE,
    RED,
    Json,
    fixed,
    override,
    steps,
    widths,
)
from tools.grafana.layout import dashboard as whole
from tools.grafana.layout import row
from tools.grafana.pages import health_live
from tools.grafana.pages.health_live import CHOSEN, IN_RANGE, OF_THE_MODEL, bucketed
from tools.grafana.panels import answer_of, query, stat, table
from tools.grafana.sql import BUCKET, RANGE, cycles_of, or_sentence, quoted
from tools.grafana.variables import axis_variable, variable

NO_CYCLE = "No cycle in this time range. Is the service running?"
NO_SERVICE = "The monitor's file names no columns for this (`service:`)."
# The alert on a service that is down asks the same.
DUE = {"on time": GREEN, "overdue": RED, "all ended": BLUE}
LAST_CYCLE = """
SELECT now() AS "time", CASE
        WHEN bool_and(ended) THEN 'all ended'
        WHEN extract(epoch FROM now() - max(last_good_at)) > greatest(3 * min(cycle_seconds), 60) THEN 'overdue'
        ELSE 'on time'
    END AS metric, extract(epoch FROM now() - max(last_good_at))::float8 AS value
FROM tidegauge.monitors HAVING max(last_good_at) IS NOT NULL
"""


def dashboard() -> Json:
    """Build the page of service health."""
    return whole(
        "tidegauge-health",
        "Tidegauge 5 · Service health",
        "Tidegauge's own cycles, on the wall clock: how long they take, how far behind they are, what failed, what was "
        "refused. Below: traffic, latency and errors of the watched models, where their rows carry them.",
        [
            (4, [(6, _down()), (6, _cycles()), (12, _trouble())]),
            (7, [(6, _cycle_time()), (6, _rows()), (6, _lag()), (6, _backlog())]),
            (7, [(6, _skipped()), (6, _database()), (12, _newest())]),
            row("Failed cycles and refused rows", (8, [(12, _failed()), (12, _rejected())])),
            row(
                "Live sources and replicas",
                *health_live.lines(),
            ),
            row("The watched models", (7, [(8, _traffic()), (8, _latency()), (8, _errors())])),
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
        "How long ago any monitor finished a cycle, whatever the time range: overdue after three of the quickest monitor's "
        "cycle times, a minute at least. Where every source has ended, none is due.",
        [query(LAST_CYCLE)],
        unit="dtdurations",
        decimals=0,
        text_mode="value_and_name",
        overrides=[override(name, color=fixed(color)) for name, color in DUE.items()],
    )


def _cycles() -> Json:
    return stat(
        "Cycles",
        "Cycles that worked in the time range.",
        "SELECT count(*) FILTER (WHERE outcome NOT IN ('skipped', 'failed'))::float8 AS cycles,\n"
        "    count(*) FILTER (WHERE outcome = 'failed')::float8 AS failed,\n"
        "    coalesce(sum(slots) FILTER (WHERE outcome = 'skipped'), 0)::float8 AS skipped,\n"
        '    coalesce(sum(rejected), 0)::float8 AS "refused rows"\n'
        f"FROM tidegauge.cycle_log WHERE {IN_RANGE} HAVING count(*) > 0",
        fields="/^cycles$/",
        unit="locale",
        color_mode="none",
    )


def _trouble() -> Json:
    return stat(
        "Trouble in the time range",
        "Cycles that failed, cycles that were skipped because an earlier one still ran, and rows that were refused.",
        [answer_of("Cycles")],
        fields="/^(failed|skipped|refused rows)$/",
        decimals=0,
        text_mode="value_and_name",
        thresholds=steps((None, GREEN), (1, ORANGE)),
    )


def _model(name: str, metric: str) -> str:
    return OF_THE_MODEL.format(name=name, range=RANGE, aspect="health", metric=metric)


def _traffic() -> Json:
    return series(
        "Traffic",
        "Rows per second of event time that the models predicted.",
        _model("''", "= 'traffic'"),
        unit="rowsps",
        empty=NO_SERVICE,
        joined=True,
        soft_min=0,
    )


def _latency() -> Json:
    return series(
        "Latency",
        "Latency of the models by quantile.",
        _model("' ' || replace(v.metric, 'latency_', '')", "LIKE 'latency%'"),
        unit="ms",
        empty=NO_SERVICE,
        joined=True,
        soft_min=0,
    )


def _errors() -> Json:
    return series(
        "Errors",
        "Share of the rows that the models' servers marked as errors.",
        _model("''", "= 'error_share'"),
        unit="percentunit",
        empty=NO_SERVICE,
        joined=True,
        soft_min=0,
    )


def _cycle_time() -> Json:
    return series(
        "Cycle time",
        "From the start of a cycle to its commit, the longest of each interval.",
        bucketed("max(duration_ms)", "duration_ms"),
        unit="ms",
        empty=NO_CYCLE,
        joined=True,
        soft_min=0,
    )


def _rows() -> Json:
    rows = f"""
SELECT {BUCKET} AS "time", monitor AS metric, sum(rows)::float8 / sum(seconds) AS value
FROM ({cycles_of(CHOSEN)}) c
WHERE seconds > 0 GROUP BY 1, 2 ORDER BY 1
"""
    return series(
        "Rows per second",
        "Rows taken from each source, per second of the wall clock since the cycle before.",
        rows,
        unit="rowsps",
        empty=NO_CYCLE,
        joined=True,
        soft_min=0,
    )


def _lag() -> Json:
    return series(
        "Lag",
        "How far each source is behind, as it says itself; a source that cannot say has no line.",
        bucketed("max(lag_seconds)", "lag_seconds"),
        unit="s",
        empty="No source in this time range says how far behind it is.",
        joined=True,
        soft_min=0,
    )


def _backlog() -> Json:
    return series(
        "Backlog",
        "Rows that each cycle left for the next ones, the most of each interval; a source that cannot say has no line.",
        bucketed("max(backlog_rows)::float8", "backlog_rows"),
        unit="locale",
        empty="No source in this time range says how many rows wait.",
        joined=True,
        soft_min=0,
        decimals=0,
    )


def _skipped() -> Json:
    return series(
        "Skipped and failed cycles",
        "How many cycles of each interval were skipped or failed. Nothing is lost: the next cycle goes on where the "
        "last one that worked stopped.",
        f"SELECT {BUCKET} AS \"time\", coalesce(sum(slots) FILTER (WHERE outcome = 'skipped'), 0)::float8 AS skipped,\n"
        "    count(*) FILTER (WHERE outcome = 'failed')::float8 AS failed\n"
        f"FROM tidegauge.cycle_log WHERE {IN_RANGE} AND outcome IN ('skipped', 'failed') GROUP BY 1 ORDER BY 1",
        empty="No cycle was skipped or failed in this time range.",
        drawn_as_bars=True,
        decimals=0,
    )


NOW = """
SELECT c.monitor, v.metric, v.value, v.unit, v.reason
FROM (SELECT monitor, last_good_at FROM tidegauge.monitors WHERE monitor IN (${monitor:sqlstring})) c
JOIN tidegauge.cycle_metrics v ON v.monitor = c.monitor AND v.computed_at = c.last_good_at
ORDER BY 1, 2
"""


def _database() -> Json:
    return series(
        "Database round trip",
        "How long the database took to begin a cycle's transaction, the longest of each interval.",
        bucketed("max(round_trip_ms)", "round_trip_ms"),
        unit="ms",
        empty=NO_CYCLE,
        joined=True,
        soft_min=0,
    )


def _newest() -> Json:
    return table(
        "Newest cycle of each monitor",
        "Everything that is recorded of each monitor's newest cycle that worked.",
        or_sentence(NOW, ("monitor", "metric", "value", "unit", "reason"), "reason", quoted(NO_MONITOR)),
        overrides=[*widths(monitor=130, metric=180, value=90, unit=100), override("value", decimals=2)],
    )


def _failed() -> Json:
    rows = f"""
SELECT finished_at AS "when", monitor, error FROM tidegauge.cycle_log
WHERE {IN_RANGE} AND outcome = 'failed' ORDER BY finished_at DESC LIMIT 50
"""
    return table(
        "Cycles that failed",
        "The newest failures in the time range, with their error.",
        or_sentence(
            rows, ("when", "monitor", "error"), "error", quoted("No cycle failed in this time range.")
        ),
        overrides=[*widths(when=165, monitor=130), override("when", unit=INSTANT)],
    )


def _rejected() -> Json:
    rows = f"""
SELECT max(received_at) AS "when", monitor, reason, count(*)::float8 AS "kept rows",
    (array_agg("row" ORDER BY received_at DESC))[1]::text AS "newest row"
FROM tidegauge.rejected_row WHERE {CHOSEN} AND $__timeFilter(received_at)
GROUP BY monitor, reason ORDER BY 1 DESC LIMIT 50
"""
    return table(
        "Rows that were refused",
        "How many rows were refused in the time range, by reason, with the newest of them.",
        or_sentence(
            rows,
            ("when", "monitor", "reason", "kept rows", "newest row"),
            "reason",
            quoted("No row was refused in this time range."),
        ),
        overrides=[
            *widths(when=165, monitor=110, kept_rows=85, newest_row=150),
            override("when", unit=INSTANT),
            override("kept rows", decimals=0),
        ],
    )
