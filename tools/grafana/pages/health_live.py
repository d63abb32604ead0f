"""The row of service health on live sources and replicas, and the queries that it shares with the rest of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.grafana.charts import series
from tools.grafana.fields import GREEN, RED, Json, override, steps, widths
from tools.grafana.panels import table
from tools.grafana.sql import BUCKET, RANGE, cycles_of, or_sentence, quoted

if TYPE_CHECKING:
    from tools.grafana.layout import Line

CHOSEN = "monitor IN (${monitor:sqlstring})"
IN_RANGE = f"{CHOSEN} AND $__timeFilter(finished_at)"
NO_REPLICA = "No service has run over this database since it knows of replicas."
OF_THE_MODEL = """
SELECT v."time", c.monitor || {name} AS metric, v.value
FROM (SELECT monitor FROM tidegauge.checkpoint WHERE monitor IN (${{monitor:sqlstring}})) c
CROSS JOIN LATERAL tidegauge.chart(c.monitor, {range}, 120) v
WHERE v.aspect = '{aspect}' AND v.segment = '' AND v.metric {metric} AND v.value IS NOT NULL
ORDER BY 1
"""


REPLICAS = """
SELECT name AS replica, CASE WHEN alive THEN 'alive' ELSE 'gone' END AS state, monitors::float8,
    extract(epoch FROM now() - started_at)::float8 AS running, address
FROM tidegauge.replicas ORDER BY alive DESC, name
"""
HOLDERS = """
SELECT h.monitor, h.replica, extract(epoch FROM now() - h.taken_at)::float8 AS "held for",
    CASE WHEN h.replica IS NULL THEN 'No replica measures it now.' ELSE f.others END AS note
FROM tidegauge.holders h
LEFT JOIN LATERAL (
    SELECT 'Another file of it has: ' || string_agg(r.replica, ', ' ORDER BY r.replica) AS others
    FROM tidegauge.refused_files r WHERE r.monitor = h.monitor
) f ON true
WHERE h.monitor IN (${monitor:sqlstring}) ORDER BY h.replica IS NOT NULL, f.others IS NULL, h.monitor
"""


def lines() -> list[Line]:
    """Return the lines of the row."""
    return [
        (7, [(8, _repeated()), (8, _halves()), (8, _unmatched())]),
        (7, [(12, _replicas()), (12, _holders())]),
    ]


def bucketed(value: str, known: str) -> str:
    """Return the query of a value of each interval's cycles, a line per monitor."""
    return (
        f'SELECT {BUCKET} AS "time", monitor AS metric, {value} AS value\n'
        f"FROM ({cycles_of(CHOSEN)}) c\n"
        f"WHERE {known} IS NOT NULL GROUP BY 1, 2 ORDER BY 1"
    )


def _repeated() -> Json:
    return series(
        "Rows that had been counted before",
        "Share of the rows that came again and were left out, the largest of each interval's cycles, where the monitor's "
        "file says `deduplicate:`.",
        bucketed("max(duplicates::float8 / nullif(rows + duplicates, 0))", "duplicates"),
        unit="percentunit",
        empty="No monitor of this time range counts rows by their id.",
        joined=True,
        soft_min=0,
    )


def _halves() -> Json:
    return series(
        "Events that wait for their other halves",
        "Requests without their responses, or the reverse, after each cycle, and those that a cycle gave up since their "
        "other halves did not come; the most of each interval.",
        f'SELECT {BUCKET} AS "time", monitor || half.state AS metric, max(half.events)::float8 AS value\n'
        f"FROM ({cycles_of(CHOSEN)}) c\n"
        "CROSS JOIN LATERAL (VALUES (' waiting', waiting_events), (' given up', unpaired_events)) AS half (state, events)\n"
        "WHERE half.events IS NOT NULL GROUP BY 1, 2 ORDER BY 1",
        unit="locale",
        empty="No source of this time range pairs events.",
        joined=True,
        soft_min=0,
        decimals=0,
    )


def _unmatched() -> Json:
    return series(
        "Labels without a row",
        "Share of the recent labels under whose id no row waited: above one half ids are written in two ways, or the "
        "labels are of other rows.",
        OF_THE_MODEL.format(name="''", range=RANGE, aspect="quality", metric="= 'unmatched_label_share'"),
        unit="percentunit",
        empty="No monitor of this time range gets labels later than its rows.",
        joined=True,
        soft_min=0,
        thresholds=steps((None, GREEN), (0.5, RED)),
    )


def _replicas() -> Json:
    return table(
        "Replicas",
        "The processes of the service over this database now, and how many monitors each measures.",
        or_sentence(
            REPLICAS, ("replica", "state", "monitors", "running", "address"), "address", quoted(NO_REPLICA)
        ),
        overrides=[
            *widths(replica=220, state=80, monitors=90, running=110),
            override("monitors", decimals=0),
            override("running", unit="dtdurations", decimals=0),
        ],
    )


def _holders() -> Json:
    return table(
        "Which replica measures which monitor",
        "Those that no replica measures now first, then those of which another replica has another file.",
        or_sentence(HOLDERS, ("monitor", "replica", "held for", "note"), "note", quoted(NO_REPLICA)),
        overrides=[
            *widths(**{"monitor": 150, "replica": 190, "held for": 110}),
            override("held for", unit="dtdurations", decimals=0),
        ],
    )
