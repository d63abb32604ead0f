"""The overview: one row per monitor, those that need attention first."""

from __future__ import annotations

from tools.grafana.charts import timeline
from tools.grafana.fields import (
    BLUE,
    EVENT_KINDS,
    EVENT_TIME_LINK,
    GREEN,
    GREY,
    INSTANT,
    NO_MONITOR,
    ORANGE,
    PURPLE,
    RED,
    STATES,
    Json,
    link,
    mapped,
    override,
    steps,
    widths,
)
from tools.grafana.layout import dashboard as whole
from tools.grafana.pages import story
from tools.grafana.panels import query, stat, table
from tools.grafana.sql import RANGE, SINCE, or_sentence, quoted
from tools.grafana.variables import axis_variable

MAX_LANES = 20
RANK = "array_position('{failing,silent,alarm,breach,waiting,fine}', m.state)"
LANES_OF = f"tidegauge.chart_lanes(m.monitor, {RANGE}, 120)"

COUNTS = """
SELECT count(*) FILTER (WHERE state = 'fine')::float8 AS healthy,
    count(*) FILTER (WHERE state = 'waiting')::float8 AS waiting,
    count(*) FILTER (WHERE state = 'breach')::float8 AS breach,
    count(*) FILTER (WHERE state = 'alarm')::float8 AS alarm,
    count(*) FILTER (WHERE state IN ('silent', 'failing'))::float8 AS "silent or failing"
FROM tidegauge.monitors HAVING count(*) > 0
"""

COLUMNS = (
    *(
        "monitor",
        "state",
        "since",
        "aspect",
        "breached",
        "drift share",
        "metric",
        "value",
        "reference",
        "change",
    ),
    *("age", "note", "first_ms", "last_ms"),
)
ROWS = f"""
SELECT m.monitor, m.state, {SINCE} AS since, m.worst_aspect AS aspect,
    m.breached::float8, m.drift_share AS "drift share", m.performance_metric AS metric, m.performance AS value,
    m.performance_reference AS reference, m.performance / nullif(m.performance_reference, 0) - 1 AS change,
    extract(epoch FROM now() - m.measured_at)::float8 AS age,
    CASE WHEN m.state = 'failing' THEN m.error WHEN m.ended THEN coalesce(m.error, 'The source has ended.') END AS note,
    extract(epoch FROM (SELECT min(r.window_end) FROM tidegauge.window_run r WHERE r.monitor = m.monitor))::bigint * 1000
        - 86400000 AS first_ms,
    extract(epoch FROM m.window_end)::bigint * 1000 + 86400000 AS last_ms
FROM tidegauge.monitors m ORDER BY {RANK}, m.severity DESC NULLS LAST, m.monitor
"""

SPARKS = f"""
SELECT l."time", m.monitor, (
    SELECT max(x.severity) FROM tidegauge.window_aspect x WHERE x.run_id = l.run_id
) AS severity
FROM tidegauge.checkpoint m CROSS JOIN LATERAL {LANES_OF.replace("120", "60")} l
ORDER BY 1
"""

LANES = f"""
SELECT l."time", m.monitor AS metric, CASE
        WHEN l.run_id IS NULL THEN -1 WHEN a.breached > 0 THEN 2 WHEN a.judged > 0 THEN 1 ELSE 0
    END::float8 AS value
FROM (SELECT m.monitor FROM tidegauge.monitors m ORDER BY {RANK}, m.monitor LIMIT {MAX_LANES}) m
CROSS JOIN LATERAL {LANES_OF} l
CROSS JOIN LATERAL (
    SELECT sum(x.breached) AS breached, sum(x.judged) AS judged
    FROM tidegauge.window_aspect x WHERE x.run_id = l.run_id
) a
ORDER BY 1
"""

EVENTS = """
SELECT CASE '$axis' WHEN 'window_end' THEN e.at ELSE e.recorded_at END AS "when", c.monitor, e.kind, e.message
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
        "Tidegauge 1 · Overview",
        "One row per monitor, the worst first. A click on a monitor opens its page. States: failing (its last cycle "
        "failed), silent (three cycle times without a cycle that worked), alarm (k of n windows breached), breach (a "
        "measurement beyond its threshold in the newest window), waiting (nothing could be judged yet), healthy.",
        [
            (5, [(24, story.of_all())]),
            (3, [(24, _counts())]),
            (7, [(24, _monitors())]),
            (6, [(12, _lanes()), (12, _events())]),
        ],
        variables=[axis_variable()],
        of_monitor=None,
    )


def _counts() -> Json:
    colors = {
        "healthy": GREEN,
        "waiting": BLUE,
        "breach": ORANGE,
        "alarm": RED,
        "silent or failing": PURPLE,
    }
    return stat(
        "Monitors",
        "How many monitors are in each state now.",
        COUNTS,
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
        "title": EVENT_TIME_LINK,
        "url": "/d/tidegauge-monitor?var-monitor=${__data.fields.monitor:percentencode}&var-axis=window_end"
        "&from=${__data.fields.first_ms}&to=${__data.fields.last_ms}",
    }
    # The name of this setting differs between Grafana 11 and 13; what a version does not know it ignores.
    unseen: Json = {
        "custom__hidden": True,
        "custom__hideFrom": {"legend": True, "tooltip": True, "viz": True},
    }
    return table(
        "Every monitor",
        "State now and since when, the worst aspect and how many measurements are beyond their thresholds, the share "
        "of drifted columns, performance against the reference (change: above 0 the value is larger), the age of the "
        "newest window, and the worst severity over the time range (1 is a threshold).",
        [query(or_sentence(ROWS, COLUMNS, "note", quoted(NO_MONITOR)), "A", table=True), query(SPARKS, "B")],
        transformations=[
            {"id": "timeSeriesTable", "options": {}},
            {"id": "joinByField", "options": {"byField": "monitor", "mode": "outer"}},
        ],
        overrides=[
            *widths(monitor=150, state=85, since=165, aspect=100, breached=85, drift_share=95, metric=100),
            *widths(value=85, reference=90, change=80, age=80),
            override("monitor", links=[to_monitor, event_time]),
            override(
                "state",
                mappings=mapped(STATES),
                custom__cellOptions={"mode": "basic", "type": "color-background"},
            ),
            override("since", unit=INSTANT),
            override("breached", decimals=0),
            override(
                "drift share",
                unit="percentunit",
                decimals=0,
                custom__cellOptions={"type": "color-text"},
                thresholds=steps((None, GREEN), (0.2, ORANGE), (0.5, RED)),
            ),
            override("value", decimals=3),
            override("reference", decimals=3),
            override("change", unit="percentunit", decimals=1),
            override("age", unit="dtdurations", decimals=0),
            override("first_ms", **unseen),
            override("last_ms", **unseen),
            override(
                "Trend #B",
                displayName="worst severity",
                custom__cellOptions={"spanNulls": True, "type": "sparkline"},
                custom__width=180,
                thresholds=steps((None, GREEN), (1, RED)),
            ),
        ],
    )


def _lanes() -> Json:
    return timeline(
        "State over time",
        f"Each monitor's windows, of the {MAX_LANES} that need attention most: breached where any measurement was "
        "beyond its threshold. Grey: no window was measured.",
        LANES,
        empty=NO_MONITOR,
    )


def _events() -> Json:
    return table(
        "Latest events",
        "The newest alarms, recoveries and schema changes of all monitors, whatever the time range.",
        or_sentence(EVENTS, ("when", "monitor", "kind", "message"), "message", quoted("No event yet.")),
        overrides=[
            *widths(when=165, monitor=110, kind=120),
            override("when", unit=INSTANT),
            override("kind", mappings=mapped(EVENT_KINDS), custom__cellOptions={"type": "color-text"}),
        ],
    )
