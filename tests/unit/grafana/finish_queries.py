"""Faults of what a dashboard asks, although every query runs: each function lists a dashboard's offenders.

All were seen in a real Grafana 12.3 over the shipped provisioning.
"""

from __future__ import annotations

import re

from tests.unit.grafana.dashboards import (
    Json,
    all_sql,
    annotation_queries,
    custom,
    defaults,
    first_screen,
    of_kind,
    overrides,
    panel_queries,
    panels,
    sql_of,
)

MAX_QUERIES = 30
# A line per column, measure or metric: any number of them.
LINES_BY_NAME = re.compile(
    r"(column_name|concat_ws\([^)]*\)+|\|\| metric|\n *metric) AS metric|metric, value / nullif"
)
MEASUREMENTS = re.compile(r"tidegauge\.(?:chart\(|newest\(|series\b|metrics\b|metrics_history\b)")
WORST_FIRST = re.compile(
    r"ORDER BY (aspect <> 'performance', |array_position\('\{failing,[^)]*\), )?(m\.)?"
    r"severity DESC NULLS LAST, "
    r"(?!.*ORDER BY [^s])",
    re.DOTALL,
)


def not_worst_first(dashboard: Json) -> list[str]:
    """Tables with severities that begin with anything but the worst, or performance."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "table")
        if re.search(r"\bseverity\b", panel["targets"][0]["rawSql"])
        and not WORST_FIRST.search(panel["targets"][0]["rawSql"])
    ]


def why_without_performance_first(dashboard: Json) -> list[str]:
    """Tables of what is beyond its threshold in which performance is not first."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "table")
        if "WHERE breached" in sql_of(panel) and "ORDER BY aspect <> 'performance', " not in sql_of(panel)
    ]


def segments_mixed_in(dashboard: Json) -> list[str]:
    """List the queries of measurements that neither choose a segment nor name it in what they return."""
    return [
        name
        for name, sql in all_sql(dashboard).items()
        for bare in [sql.replace("${segment", "")]
        if len(MEASUREMENTS.findall(sql))
        > len(re.findall(r"\bsegment\b(?! ELSE)", sql.replace("${segment", "")))
    ]


def ratios_that_flatten(dashboard: Json) -> list[str]:
    """Charts of values over the reference's that hold the mean error, whose reference is nearly 0."""
    return [
        name
        for name, sql in all_sql(dashboard).items()
        if "value / nullif(reference, 0)" in sql and "metric <> 'mean_error'" not in sql
    ]


def since_by_the_wall_clock(dashboard: Json) -> list[str]:
    """List the queries that say since when by the wall clock although the axis is event time."""
    return [
        name
        for name, sql in all_sql(dashboard).items()
        if "tidegauge.monitors" in sql
        and re.search(r"\bsince\b", sql)
        and not ("'$axis' <> 'window_end' THEN m.since" in sql and "since_event_time" in sql)
    ]


def performance_without_units(dashboard: Json) -> list[str]:
    """Panels of a chosen metric that show shares without per cent, or verdicts without colours."""
    found = []
    for panel in panels(dashboard):
        sql = sql_of(panel)
        if panel["type"] in {"stat", "timeseries"} and "aspect = 'performance'" in sql and "threshold" in sql:
            shares = [t["refId"] for t in panel["targets"] if "unit = 'share'" in t.get("rawSql", "")]
            units = [overrides(panel, ref).get("unit") for ref in shares]
            colours = panel["type"] != "stat" or {
                name: overrides(panel, name).get("color", {}).get("fixedColor")
                for name in ("beyond threshold", "within threshold")
            } == {"beyond threshold": "red", "within threshold": "green"}
            if units != ["percentunit"] or not colours:
                found.append(panel["title"])
    return found


def last_interval_drops(dashboard: Json) -> list[str]:
    """Lines of rates over intervals of the chart, of which the last has only begun."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "timeseries")
        if "$__interval_ms" in sql_of(panel)
        and custom(panel)["drawStyle"] != "bars"
        and (
            re.search(r"/ \(?\$__interval_ms(?! / 1000\.0\), finished_at)", sql_of(panel))
            or "sum(" in sql_of(panel)
        )
        and "/ sum(seconds)" not in sql_of(panel)
    ]


def lines_alike(dashboard: Json) -> list[str]:
    """Charts with a line per column or measure, of any number, or in colours that do not follow the line."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "timeseries")
        if LINES_BY_NAME.search(sql_of(panel))
        and "monitor AS metric" not in sql_of(panel)
        and ("LIMIT 8" not in sql_of(panel) or defaults(panel)["color"]["mode"] != "palette-classic")
    ]


def queries_per_refresh(dashboard: Json) -> int:
    """Count what is asked on each refresh: open panels, annotations that are on, and variables."""
    targets = [target for panel in first_screen(dashboard) for target in panel.get("targets", [])]
    marks = [annotation for _, annotation in annotation_queries(dashboard) if annotation["enable"]]
    variables = [v for v in dashboard["templating"]["list"] if v["type"] == "query"]
    return sum("rawSql" in target for target in targets) + len(marks) + len(variables)


def loads_too_much(dashboard: Json) -> list[str]:
    """List what makes a refresh slow: open rows, many queries, a short interval; or a missing choice."""
    open_rows = [row["title"] for row in dashboard["panels"] if row["type"] == "row" and not row["collapsed"]]
    count = queries_per_refresh(dashboard)
    return [
        *open_rows,
        *([f"{count} queries"] if count > MAX_QUERIES else []),
        *([dashboard["refresh"]] if dashboard["refresh"] != "10s" else []),
        *({"1s", "5s"} - set(dashboard["timepicker"]["refresh_intervals"])),
    ]


def asked_again(dashboard: Json) -> list[str]:
    """Panels that ask what another one asks, and shared answers that come from nowhere or a collapsed row."""
    asked = [sql for panel in panels(dashboard) for sql in [sql_of(panel)] if sql]
    open_ids = {panel["id"] for panel in first_screen(dashboard) if sql_of(panel)}
    lost = [
        panel["title"]
        for panel in panels(dashboard)
        for target in panel.get("targets", [])
        if "panelId" in target and target["panelId"] not in open_ids
    ]
    return [*lost, *(sql for sql in asked if asked.count(sql) > 1)]


def joined_monitors_as_dots(dashboard: Json) -> list[str]:
    """Lines of several monitors whose times differ, and which are not drawn across the others' times."""
    found = []
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            sql = target.get("rawSql", "")
            several = "IN (${monitor" in sql or re.search(r"FROM tidegauge.(checkpoint|monitors) \w\b", sql)
            if target.get("format") == "time_series" and several and "monitor" in sql:
                drawn = custom(panel).get("spanNulls")
                spark = overrides(panel, "Trend #B").get("custom.cellOptions", {}).get("spanNulls")
                by_monitor = "AS metric" in sql or re.search(r"\b\w\.monitor, ", sql)
                if by_monitor and not (drawn or spark) and custom(panel).get("drawStyle") != "bars":
                    found.append(panel["title"])
    return found


def lanes_that_never_end(dashboard: Json) -> list[str]:
    """Timelines that draw a last state for ever, or slivers where monitors have different times."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "state-timeline")
        if custom(panel).get("spanNulls") is not True
        or "tidegauge.chart_lanes(" not in sql_of(panel)
        or "run_id IS NULL THEN -1" not in sql_of(panel)
    ]


def unexplained_tables(dashboard: Json) -> list[str]:
    """Tables whose query has no sentence for the case of no rows."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "table")
        if "WHERE NOT EXISTS (SELECT FROM found)" not in panel["targets"][0]["rawSql"]
    ]


def cycles_read_whole(dashboard: Json) -> list[str]:
    """Charts that read every cycle of their range, which of a year are millions."""
    return [
        name
        for name, target in panel_queries(dashboard)
        if target["format"] == "time_series"
        and "FROM tidegauge.cycle_log" in target["rawSql"]
        and "outcome IN ('skipped', 'failed')" not in target["rawSql"]
    ]


def labels_that_did_not_come(dashboard: Json) -> list[str]:
    """List the counts of labelled rows that count metrics which are known before labels come."""
    return [
        name
        for name, sql in all_sql(dashboard).items()
        if " AS labelled" in sql and not ("'positive_rate'" in sql and "NOT LIKE 'estimated%'" in sql)
    ]


def late_by_a_fixed_time(dashboard: Json) -> list[str]:
    """Ages of the newest cycle that are late after a fixed time, whatever the monitors' cycle times are."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "stat")
        if "last_good_at" in sql_of(panel) and "cycle_seconds" not in sql_of(panel)
    ]


CHECKS = (
    not_worst_first,
    why_without_performance_first,
    segments_mixed_in,
    ratios_that_flatten,
    since_by_the_wall_clock,
    performance_without_units,
    last_interval_drops,
    lines_alike,
    loads_too_much,
    asked_again,
    joined_monitors_as_dots,
    lanes_that_never_end,
    unexplained_tables,
    cycles_read_whole,
    labels_that_did_not_come,
    late_by_a_fixed_time,
)
