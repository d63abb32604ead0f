"""Faults that were seen or could come back, as changes of committed dashboards, each with its check."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.grafana import finish, finish_queries
from tests.unit.grafana.dashboards import Json, panels


def _panel(dashboard: Json, title: str) -> Json:
    (found,) = (panel for panel in panels(dashboard) if panel["title"] == title)
    return found


def _sql(title: str, old: str, new: str) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        target = _panel(dashboard, title)["targets"][0]
        assert old in target["rawSql"]
        target["rawSql"] = target["rawSql"].replace(old, new)

    return put


def _text(title: str, key: str, new: str) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        _panel(dashboard, title)[key] = new

    return put


def _default(title: str, key: str, new: object) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        _panel(dashboard, title)["fieldConfig"]["defaults"][key] = new

    return put


def _custom(title: str, key: str, new: object) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        _panel(dashboard, title)["fieldConfig"]["defaults"]["custom"][key] = new

    return put


def _without(title: str, property_id: str) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        for rule in _panel(dashboard, title)["fieldConfig"]["overrides"]:
            rule["properties"] = [found for found in rule["properties"] if found["id"] != property_id]

    return put


def _overriding(title: str, property_id: str, new: object) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        for rule in _panel(dashboard, title)["fieldConfig"]["overrides"]:
            for found in rule["properties"]:
                if found["id"] == property_id:
                    found["value"] = new

    return put


def _reversed_colours(dashboard: Json) -> None:
    _panel(dashboard, "Difference from the reference")["options"]["color"]["reverse"] = True


def _annotation(name: str, **changed: object) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        (found,) = (a for a in dashboard["annotations"]["list"] if a["name"] == name)
        found.update(changed)

    return put


def _untransformed(title: str) -> Callable[[Json], None]:
    def put(dashboard: Json) -> None:
        del _panel(dashboard, title)["transformations"]

    return put


def _open_row(dashboard: Json) -> None:
    next(part for part in dashboard["panels"] if part["type"] == "row")["collapsed"] = False


def _many_open(dashboard: Json) -> None:
    opened = [panel for part in dashboard["panels"] for panel in part.get("panels", [])]
    dashboard["panels"] = [part for part in dashboard["panels"] if part["type"] != "row"] + opened * 2


def _refresh(dashboard: Json) -> None:
    dashboard["refresh"] = "5s"


def _no_quick_choice(dashboard: Json) -> None:
    dashboard["timepicker"]["refresh_intervals"] = ["10s", "1m"]


def _source_in_a_row(dashboard: Json) -> None:
    row = next(part for part in dashboard["panels"] if part["type"] == "row")
    source = _panel(dashboard, "State")
    dashboard["panels"].remove(source)
    row["panels"].append(source)


def _asked_twice(dashboard: Json) -> None:
    _panel(dashboard, "Newest window")["targets"] = _panel(dashboard, "State")["targets"]


def _buttons(dashboard: Json) -> None:
    dashboard["links"][0]["asDropdown"] = False


PERFORMANCE_MARKS = "Performance alarms and change points"
METRIC = "The metric against the reference"
LANES = "State of each aspect"
WHY = "Why: beyond the threshold in the newest window"
# Each fault: the check that must see it, the page, and what is done to the page.
BROKEN: dict[str, tuple[Callable[[Json], list[str]], str, Callable[[Json], None]]] = {
    "a diverging scheme is reversed": (finish.inverted_colours, "column", _reversed_colours),
    "a text names a theme's colours": (
        finish.inverted_colours,
        "column",
        _text("Distribution over time", "description", "Brighter is more."),
    ),
    "a table prints a sentence in every empty cell": (
        finish.sentences_in_table_cells,
        "overview",
        _default("Every monitor", "noValue", "No monitor has run a cycle yet."),
    ),
    "an empty table says nothing": (
        finish_queries.unexplained_tables,
        "health",
        _sql("Cycles that failed", " WHERE NOT EXISTS (SELECT FROM found)", ""),
    ),
    "a chart reads every cycle of a year": (
        finish_queries.cycles_read_whole,
        "health",
        _sql(
            "Backlog", "CROSS JOIN LATERAL tidegauge.chart_cycles(m.monitor", "FROM tidegauge.cycle_log, (m"
        ),
    ),
    "rows that wait for labels are labelled": (
        finish_queries.labels_that_did_not_come,
        "monitor",
        _sql("Labels", " AND metric NOT LIKE 'estimated%'", ""),
    ),
    "a slow monitor's last cycle is late": (
        finish_queries.late_by_a_fixed_time,
        "health",
        _sql("Last cycle", "3 * min(cycle_seconds)", "60"),
    ),
    "a stat prints a sentence": (
        finish.stats_without_grey_null,
        "column",
        _default("Worst severity", "noValue", "No window in this time range."),
    ),
    "a stat without a value is green": (
        finish.stats_without_grey_null,
        "column",
        _default("Worst severity", "mappings", []),
    ),
    "a heatmap crashes without rows": (
        finish.crashes_without_rows,
        "column",
        _untransformed("Distribution over time"),
    ),
    "a timeline complains without rows": (finish.crashes_without_rows, "monitor", _untransformed(LANES)),
    "a legend prints a sentence": (finish.sentences_in_legends, "monitor", _without(METRIC, "noValue")),
    "a timeline's legend shows numbers": (
        finish.timelines_without_words,
        "monitor",
        _default(LANES, "color", {"mode": "thresholds"}),
    ),
    "a timeline has no grey": (
        finish.timelines_without_words,
        "overview",
        _default(
            "State over time",
            "mappings",
            [{"type": "value", "options": {"1": {"color": "green", "text": "Healthy"}}}],
        ),
    ),
    "a joined lane is slivers": (
        finish_queries.lanes_that_never_end,
        "overview",
        _custom("State over time", "spanNulls", False),
    ),
    "a dead monitor's lane stays green": (
        finish_queries.lanes_that_never_end,
        "monitor",
        _sql(LANES, "l.run_id IS NULL THEN -1", "false THEN -1"),
    ),
    "the database's round trip is dots": (
        finish_queries.joined_monitors_as_dots,
        "health",
        _custom("Database round trip", "spanNulls", False),
    ),
    "a sparkline vanishes": (
        finish_queries.joined_monitors_as_dots,
        "overview",
        _overriding("Every monitor", "custom.cellOptions", {"type": "sparkline"}),
    ),
    "all alarms are marked": (
        finish.annotations_that_bury,
        "monitor",
        _annotation("All alarms", enable=True),
    ),
    "every chart is marked": (
        finish.annotations_that_bury,
        "monitor",
        _annotation(PERFORMANCE_MARKS, filter={"exclude": True, "ids": []}),
    ),
    "columns have no width": (finish.hidden_columns, "monitor", _without(WHY, "custom.width")),
    "columns are too wide": (finish.hidden_columns, "monitor", _overriding(WHY, "custom.width", 300)),
    "a table is alphabetical": (
        finish_queries.not_worst_first,
        "column",
        _sql("Every measure, newest window", "severity DESC NULLS LAST, aspect", "aspect, severity"),
    ),
    "drift fills the reasons": (
        finish_queries.why_without_performance_first,
        "monitor",
        _sql(WHY, "ORDER BY aspect <> 'performance', ", "ORDER BY "),
    ),
    "rows of one segment are shown as all": (
        finish_queries.segments_mixed_in,
        "monitor",
        _sql("Rows in the window", "segment = '' AND ", ""),
    ),
    "the mean error flattens the others": (
        finish_queries.ratios_that_flatten,
        "monitor",
        _sql("Metrics relative to the reference", "AND metric <> 'mean_error' ", ""),
    ),
    "an axis runs to 10,000 %": (
        finish.axes_to_ten_thousand_percent,
        "monitor",
        _custom("Missing values", "axisSoftMax", 100),
    ),
    "since when is the wall clock's": (
        finish_queries.since_by_the_wall_clock,
        "monitor",
        _sql("State", "'$axis' <> 'window_end'", "true"),
    ),
    "shares have no unit": (
        finish_queries.performance_without_units,
        "monitor",
        _overriding("Performance: ${performance}", "unit", "none"),
    ),
    "a breach has no colour": (
        finish_queries.performance_without_units,
        "decline",
        _without("Mean absolute error", "color"),
    ),
    "a hint is long": (finish.long_hints, "monitor", _default(METRIC, "noValue", "No labels. " * 20)),
    "the first screen is hints": (
        finish.long_hints,
        "health",
        _default("Lag", "noValue", "Name the column in the file (`service:`)."),
    ),
    "the last interval drops": (
        finish_queries.last_interval_drops,
        "health",
        _sql("Rows per second", "/ sum(seconds)", "/ ($__interval_ms / 1000.0)"),
    ),
    "thirteen lines look alike": (
        finish_queries.lines_alike,
        "monitor",
        _sql("Drift of each column", "LIMIT 8", ""),
    ),
    "a row is open": (finish_queries.loads_too_much, "monitor", _open_row),
    "everything is asked at once": (finish_queries.loads_too_much, "monitor", _many_open),
    "the refresh is quick": (finish_queries.loads_too_much, "monitor", _refresh),
    "a second cannot be chosen": (finish_queries.loads_too_much, "monitor", _no_quick_choice),
    "a shared answer is in a collapsed row": (finish_queries.asked_again, "monitor", _source_in_a_row),
    "the same is asked twice": (finish_queries.asked_again, "monitor", _asked_twice),
    "each page is a button": (finish.head_of_many_buttons, "monitor", _buttons),
    "a sentence names a link that is called otherwise": (
        finish.links_by_another_name,
        "monitor",
        _default("Share of drifted columns", "noValue", "Use the link 'Event time' on the overview."),
    ),
    "a state reads fine": (
        finish.poor_english,
        "monitor",
        _default("State", "mappings", [{"type": "value", "options": {"fine": {"text": "fine"}}}]),
    ),
}
