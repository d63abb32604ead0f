"""Fragments of SQL that several panels share.

A macro of Grafana ends at its first `)`, so it never encloses a call. Variables are inserted as
`${name:sqlstring}`, which quotes them: a column named o'hare does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RANGE = "'$axis', $__timeFrom(), $__timeTo()"
MONITOR = "${monitor:sqlstring}"
COLUMN = "column_name = ${column:sqlstring}"
CHOSEN_COLUMNS = "column_name IN (${column:sqlstring})"
# A chart reads at most this many windows: every panel stays under a tenth of a second.
POINTS = 480
LANE_POINTS = 240
MAX_LINES = 8  # more lines than this cannot be told apart by colour
CHART = f"tidegauge.chart({MONITOR}, {RANGE}, {POINTS})"
NEWEST = f"tidegauge.newest({MONITOR}, {RANGE})"
LANES = f"tidegauge.chart_lanes({MONITOR}, {RANGE}, {LANE_POINTS})"
# Measurements of a segment (`by:` in the monitor's file) carry its name; those of all rows have an empty one.
WHOLE = "segment = ''"
IN_SEGMENT = "segment = CASE ${segment:sqlstring} WHEN '(all rows)' THEN '' ELSE ${segment:sqlstring} END"
IS_DRIFT_OF_COLUMN = f"aspect = 'drift' AND {WHOLE} AND column_name <> '' AND metric NOT LIKE 'error_change%'"
# Cycles have no event time: they are charted on the wall clock, one point per interval of the chart.
BUCKET = "date_bin(make_interval(secs => $__interval_ms / 1000.0), finished_at, 'epoch')"
# Of the row `m` of `tidegauge.monitors`, in milliseconds, on the time axis that is chosen.
SINCE = """(1000 * extract(epoch FROM CASE
        WHEN '$axis' <> 'window_end' THEN m.since
        WHEN m.state IN ('failing', 'silent') THEN m.window_end
        ELSE (SELECT min(a.since_event_time) FROM tidegauge.alarms a WHERE a.monitor = m.monitor)
    END))::float8"""


def measure_name(*more: str) -> str:
    """Return the expression that names a measure: metric, definition, and the further columns given."""
    parts = ["metric", *(f"nullif({name}, '')" for name in ("definition", *more))]
    return f"concat_ws(' ', {', '.join(parts)})"


def worst_lines(lines: str, rank: str = "max(value)") -> str:
    """Return the query of the MAX_LINES lines with the highest rank among `lines` (time, metric, value)."""
    return (
        f"WITH lines AS MATERIALIZED (\n{lines.strip()}\n)\n"
        'SELECT "time", metric, value FROM lines WHERE metric IN (\n'
        f"    SELECT metric FROM lines GROUP BY metric ORDER BY {rank} DESC, metric LIMIT {MAX_LINES}\n"
        ") ORDER BY 1"
    )


def or_sentence(rows: str, columns: Sequence[str], place: str, sentence: str) -> str:
    """Return `rows`, or where there are none one row that holds only a sentence, in the column `place`.

    A table prints its `noValue` in every empty cell, so an empty table explains itself by a row. `sentence` is
    an expression of SQL.
    """
    empty = ", ".join(sentence if name == place else "NULL" for name in columns)
    return (
        f"WITH found AS MATERIALIZED (\n{rows.strip()}\n)\n"
        f"SELECT * FROM found UNION ALL SELECT {empty} WHERE NOT EXISTS (SELECT FROM found)"
    )


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def of_window(sentence: str, otherwise: str) -> str:
    """Return the sentence where the range holds a window, and otherwise the other one, as an expression of SQL."""
    return f"coalesce((SELECT {quoted(sentence)} FROM {NEWEST} WHERE {WHOLE} LIMIT 1), {quoted(otherwise)})"


def cycles_of(monitors: str) -> str:
    """Return the cycles of the range of the monitors that a condition chooses, at most 100 of each of 240 spans.

    `seconds` is the time since the monitor's cycle before. A rate over whole intervals would drop in the last one,
    which has only begun; one over these seconds does not.
    """
    return (
        "SELECT m.monitor, c.*\n"
        f"FROM (SELECT monitor FROM tidegauge.checkpoint WHERE {monitors}) m\n"
        "CROSS JOIN LATERAL tidegauge.chart_cycles(m.monitor, $__timeFrom(), $__timeTo(), 240) c"
    )
