"""Every monitor a row: which of them needs somebody now."""

from __future__ import annotations

from tools.grafana.parts import (
    BLUE,
    GREEN,
    GREY,
    NO_MONITOR,
    ORANGE,
    RED,
    Json,
    axis_variable,
    link,
    mapped,
    override,
    query,
    stat,
    steps,
    table,
    timeline,
)
from tools.grafana.parts import (
    dashboard as whole,
)

STATES = mapped(
    fine=("fine", GREEN),
    waiting=("waiting", BLUE),
    breach=("breach", ORANGE),
    alarm=("alarm", RED),
    silent=("silent", "purple"),
    failing=("failing", "purple"),
)

COUNTS = """
SELECT count(*) FILTER (WHERE state = 'fine')::float8 AS fine,
    count(*) FILTER (WHERE state = 'waiting')::float8 AS waiting,
    count(*) FILTER (WHERE state = 'breach')::float8 AS breach,
    count(*) FILTER (WHERE state = 'alarm')::float8 AS alarm,
    count(*) FILTER (WHERE state IN ('silent', 'failing'))::float8 AS "silent or failing"
FROM tidegauge.monitors HAVING count(*) > 0
"""

ROWS = """
SELECT monitor, state, extract(epoch FROM now() - since)::float8 AS "for", worst_aspect AS worst,
    breached::float8, drift_share AS "drift share", performance_metric AS metric, performance AS value,
    performance_reference AS reference, performance / nullif(performance_reference, 0) - 1 AS change,
    extract(epoch FROM now() - measured_at)::float8 AS freshness, CASE WHEN ended THEN 'ended' ELSE 'live' END AS source,
    extract(epoch FROM (SELECT min(r.window_end) FROM tidegauge.window_run r WHERE r.monitor = m.monitor))::bigint * 1000
        - 86400000 AS first_ms,
    extract(epoch FROM window_end)::bigint * 1000 + 86400000 AS last_ms
FROM tidegauge.monitors m ORDER BY array_position('{failing,silent,alarm,breach,waiting,fine}', state), monitor
"""

SPARKS = """
SELECT w."time", c.monitor, a.severity
FROM tidegauge.checkpoint c
CROSS JOIN LATERAL tidegauge.chart_windows(c.monitor, '$axis', $__timeFrom(), $__timeTo(), 60) w
CROSS JOIN LATERAL (
    SELECT max(x.severity) AS severity FROM tidegauge.window_aspect x WHERE x.run_id = w.run_id
) a
WHERE a.severity IS NOT NULL ORDER BY 1
"""

VERDICTS = """
SELECT w."time", c.monitor AS metric, a.breached AS value
FROM tidegauge.checkpoint c
CROSS JOIN LATERAL tidegauge.chart_windows(c.monitor, '$axis', $__timeFrom(), $__timeTo(), 240) w
CROSS JOIN LATERAL (
    SELECT sum(x.breached)::float8 AS breached, sum(x.judged) AS judged
    FROM tidegauge.window_aspect x WHERE x.run_id = w.run_id
) a
WHERE a.judged > 0 ORDER BY 1
"""

EVENTS = """
SELECT e.recorded_at AS "when", c.monitor, e.kind, e.column_name AS "column", e.message
FROM tidegauge.checkpoint c
CROSS JOIN LATERAL (
    SELECT * FROM tidegauge.event x WHERE x.monitor = c.monitor ORDER BY x.recorded_at DESC LIMIT 20
) e
ORDER BY e.recorded_at DESC LIMIT 20
"""


def dashboard() -> Json:
    """Build the overview."""
    return whole(
        "tidegauge-overview",
        "Tidegauge overview",
        "Every monitor a row, the worst first. A click on a monitor leads to its page. States: failing (its last "
        "cycle failed), silent (three cycles without one that worked), alarm (k of n windows breached), breach "
        "(something over its threshold in the newest window), waiting (nothing could be judged yet), fine.",
        [
            (4, [(24, _counts())]),
            (9, [(24, _monitors())]),
            (7, [(12, _verdicts()), (12, _events())]),
        ],
        variables=[axis_variable()],
        of_monitor=None,
    )


def _counts() -> Json:
    colors = {"fine": GREEN, "waiting": BLUE, "breach": ORANGE, "alarm": RED, "silent or failing": "purple"}
    return stat(
        "Monitors",
        "How many monitors stand how, now. States are told by tidegauge.monitors.",
        COUNTS,
        empty=NO_MONITOR,
        decimals=0,
        text_mode="value_and_name",
        overrides=[
            override(name, thresholds=steps((None, GREY), (1, color))) for name, color in colors.items()
        ],
    )


def _monitors() -> Json:
    to_monitor = link(
        "The monitor's page",
        "tidegauge-monitor",
        monitor="${__data.fields.monitor:percentencode}",
        axis="${axis}",
    )
    event_time = {
        "targetBlank": False,
        "title": "Its whole event time",
        "url": "/d/tidegauge-monitor?var-monitor=${__data.fields.monitor:percentencode}&var-axis=window_end"
        "&from=${__data.fields.first_ms}&to=${__data.fields.last_ms}",
    }
    share = {"type": "color-text"}
    # The name of this setting differs between Grafana 11 and 13; what a version does not know it ignores.
    unseen: Json = {
        "custom__hidden": True,
        "custom__hideFrom": {"legend": True, "tooltip": True, "viz": True},
    }
    return table(
        "Every monitor",
        "State now, since when, the worst aspect, the share of drifted columns, performance beside the reference's "
        "(change: above 0 the number is larger), how long ago the newest window was measured, and the worst "
        "severity over the time range (1 is a threshold). Click a monitor for its page or its whole event time.",
        [query(ROWS, "A", table=True), query(SPARKS, "B")],
        empty=NO_MONITOR,
        transformations=[
            {"id": "timeSeriesTable", "options": {}},
            {"id": "joinByField", "options": {"byField": "monitor", "mode": "outer"}},
        ],
        overrides=[
            override("monitor", links=[to_monitor, event_time], custom__minWidth=120),
            override(
                "state", mappings=STATES, custom__cellOptions={"mode": "basic", "type": "color-background"}
            ),
            override("for", unit="dtdurations", decimals=0),
            override("breached", decimals=0),
            override(
                "drift share",
                unit="percentunit",
                decimals=0,
                custom__cellOptions=share,
                thresholds=steps((None, GREEN), (0.2, ORANGE), (0.5, RED)),
            ),
            override("value", decimals=3),
            override("reference", decimals=3),
            override("change", unit="percentunit", decimals=1),
            override("freshness", unit="dtdurations", decimals=0),
            override("first_ms", **unseen),
            override("last_ms", **unseen),
            override(
                "Trend #B",
                displayName="worst severity",
                custom__cellOptions={"type": "sparkline"},
                custom__minWidth=200,
                thresholds=steps((None, GREEN), (1, RED)),
            ),
        ],
    )


def _verdicts() -> Json:
    return timeline(
        "Since when",
        "For each monitor and window, how many measurements were over their thresholds. Grey: no window.",
        VERDICTS,
        empty=NO_MONITOR,
        decimals=0,
        color={"mode": "thresholds"},
        thresholds=steps((None, GREEN), (1, ORANGE), (4, RED)),
    )


def _events() -> Json:
    return table(
        "What happened last",
        "The newest alarms, recoveries and schema changes of all monitors, whatever the time range.",
        EVENTS,
        empty="Nothing has happened yet: no alarm, no recovery, no change of columns.",
        overrides=[override("when", unit="dateTimeFromNow", custom__width=130)],
    )
