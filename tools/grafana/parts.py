"""What dashboards are made of: panels, variables, annotations, and how they are laid out.

Only what Grafana 11, 12 and 13 all have. A macro ends at its first `)`, so none stands around a call; variables
are put in as `${name:sqlstring}`, which quotes, so that a column named o'hare does no harm.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]
Line = tuple[int, list[tuple[int, Json]]]

SOURCE: Json = {"type": "grafana-postgresql-datasource", "uid": "tidegauge"}
RANGE = "'$axis', $__timeFrom(), $__timeTo()"
MONITOR = "${monitor:sqlstring}"
# So many points keep every panel under a tenth of a second, and are more than a chart has pixels to show apart.
POINTS = 480
CHART = f"tidegauge.chart({MONITOR}, {RANGE}, {POINTS})"
# Cycles have no event time: they are always charted on the wall clock, an interval of the chart a point.
BUCKET = "date_bin(make_interval(secs => $__interval_ms / 1000.0), finished_at, 'epoch')"
NEWEST = f"tidegauge.newest({MONITOR}, {RANGE})"
GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "text"
WIDTH = 24  # of Grafana's grid

NO_WINDOW = (
    "No window in this time range. Choose a longer one; a replay's event time lies where its data does (the link "
    "'Event time' on the overview goes there)."
)
NO_MONITOR = (
    "No monitor has run a cycle yet. Start the service (docker compose up, or make run); "
    "tidegauge check says what is wrong."
)


def query(sql: str, ref: str = "A", *, table: bool = False) -> Json:
    """Return one query of a panel: a time series, or a table."""
    return {
        "datasource": SOURCE,
        "editorMode": "code",
        "format": "table" if table else "time_series",
        "rawQuery": True,
        "rawSql": sql.strip(),
        "refId": ref,
    }


def panel(
    kind: str,
    title: str,
    description: str,
    targets: Sequence[Json],
    *,
    unit: str = "none",
    empty: str = NO_WINDOW,
    options: Mapping[str, Any],
    custom: Mapping[str, Any] | None = None,
    overrides: Sequence[Json] = (),
    transformations: Sequence[Json] = (),
    **defaults: Any,
) -> Json:
    """Return a panel without its place; `empty` says what to do where there is nothing to show."""
    found: Json = {
        "datasource": SOURCE,
        "description": description,
        "fieldConfig": {
            "defaults": {
                "noValue": empty,
                "unit": unit,
                **defaults,
                **({"custom": dict(custom)} if custom else {}),
            },
            "overrides": list(overrides),
        },
        "options": dict(options),
        "targets": list(targets),
        "title": title,
        "type": kind,
    }
    if transformations:
        found["transformations"] = list(transformations)
    return found


def series(
    title: str, description: str, sql: str, *, unit: str = "none", bars: bool = False, **more: Any
) -> Json:
    """Return lines over time (or bars): fields `threshold`, `reference`, `low` and `high` are drawn as such."""
    style = {
        "axisSoftMin": more.pop("soft_min", None),
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 70 if bars else 8,
        "lineWidth": 1 if bars else 2,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if bars else "none"},
        "thresholdsStyle": {"mode": "dashed" if "thresholds" in more else "off"},
    }
    legend = {"calcs": ["lastNotNull"], "displayMode": "list", "placement": "bottom", "showLegend": True}
    return panel(
        "timeseries",
        title,
        description,
        [query(sql)],
        unit=unit,
        color={"mode": "palette-classic"},
        custom={name: value for name, value in style.items() if value is not None},
        options={"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
        overrides=[*more.pop("overrides", []), *_drawn_apart()],
        **more,
    )


def stat(
    title: str, description: str, sql: str, *, unit: str = "none", text: bool = False, **more: Any
) -> Json:
    """Return one number or word, large; of a query with several columns each one."""
    options = {
        "colorMode": more.pop("color_mode", "value"),
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/" if text else "", "values": False},
        "showPercentChange": False,
        "textMode": more.pop("text_mode", "auto"),
        "wideLayout": True,
    }
    return panel("stat", title, description, [query(sql, table=True)], unit=unit, options=options, **more)


def table(title: str, description: str, targets: str | Sequence[Json], **more: Any) -> Json:
    """Return rows with a head."""
    queries = [query(targets, table=True)] if isinstance(targets, str) else targets
    return panel(
        "table",
        title,
        description,
        queries,
        options={"cellHeight": "sm", "frameIndex": 0, "showHeader": True},
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
        **more,
    )


def timeline(title: str, description: str, sql: str, **more: Any) -> Json:
    """Return lanes over time, coloured by what was found."""
    return panel(
        "state-timeline",
        title,
        description,
        [query(sql)],
        custom={"fillOpacity": 80, "lineWidth": 0},
        options={
            "alignValue": "left",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "mergeValues": True,
            "rowHeight": 0.85,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        },
        **more,
    )


def bars(
    title: str, description: str, sql: str, *, x: str, unit: str, stacked: bool = False, **more: Any
) -> Json:
    """Return bars side by side or stacked, one group a value of the column `x`."""
    options = {
        "barWidth": 0.9,
        "fullHighlight": False,
        "groupWidth": 0.8,
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "orientation": "auto",
        "showValue": "never",
        "stacking": "normal" if stacked else "none",
        "tooltip": {"mode": "multi", "sort": "none"},
        "xField": x,
        "xTickLabelMaxLength": 20,
        "xTickLabelRotation": -45,
        "xTickLabelSpacing": 0,
    }
    custom = {"fillOpacity": 80, "lineWidth": 1}
    return panel(
        "barchart",
        title,
        description,
        [query(sql, table=True)],
        unit=unit,
        custom=custom,
        options=options,
        color={"mode": "palette-classic"},
        **more,
    )


def heatmap(
    title: str, description: str, sql: str, *, scheme: str, ends: tuple[float, float], **more: Any
) -> Json:
    """Return cells over time, a row a bin in the order of the bins' names; colours from one end to the other."""
    low, high = ends
    color = {
        "exponent": 0.5,
        "fill": "dark-orange",
        "max": high,
        "min": low,
        "mode": "scheme",
        "reverse": more.pop("reverse", False),
        "scale": "linear" if more.pop("straight", False) else "exponential",
        "scheme": scheme,
        "steps": 64,
    }
    return panel(
        "heatmap",
        title,
        description,
        [query(sql)],
        unit="percentunit",
        options={
            "calculate": False,
            "cellGap": 0,
            "cellValues": {"decimals": 1, "unit": "percentunit"},
            "color": color,
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": -1e9},  # the default hides what is not above 0
            "legend": {"show": True},
            "rowsFrame": {"layout": "unknown"},
            "showValue": "never",
            "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "reverse": False},
        },
        custom={"hideFrom": {"legend": False, "tooltip": False, "viz": False}},
        **more,
    )


def words(title: str, content: str) -> Json:
    """Return a panel of Markdown: how to read what stands beside it."""
    return {
        "datasource": SOURCE,
        "description": "How to read this page.",
        "fieldConfig": {"defaults": {"unit": "none"}, "overrides": []},
        "options": {"content": content.strip(), "mode": "markdown"},
        "title": title,
        "type": "text",
    }


def override(name: str, **properties: Any) -> Json:
    """Return what holds for one field only; `custom__x` is Grafana's `custom.x`."""
    listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Return thresholds: from each number on, its colour; the first number is None."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in pairs]}


def mapped(**words_by_value: tuple[str, str]) -> list[Json]:
    """Return value mappings: a value (`_1` is 1) is shown as a word in a colour."""
    options = {
        value.removeprefix("_"): {"color": color, "index": index, "text": word}
        for index, (value, (word, color)) in enumerate(words_by_value.items())
    }
    return [{"options": options, "type": "value"}]


def link(title: str, dashboard: str, **variables: str) -> Json:
    """Return a data link to another dashboard of these; keeps the time range unless `from` is given."""
    given = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"targetBlank": False, "title": title, "url": f"/d/{dashboard}?${{__url_time_range}}{given}"}


def variable(name: str, label: str, description: str, sql: str, *, several: bool = False) -> Json:
    """Return a variable whose choices the database gives; with `several`, any number of them, at first all."""
    found: Json = {
        "current": {},
        "datasource": SOURCE,
        "description": description,
        "hide": 0,
        "includeAll": several,
        "label": label,
        "multi": several,
        "name": name,
        "options": [],
        "query": sql,
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 0,
        "type": "query",
    }
    if several:
        # All is the column compared with itself: right for no choices at all, where an empty list would be an error.
        found |= {"allValue": f"{name}_name" if name == "column" else name}
        found |= {"current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return found


def monitor_variable() -> Json:
    """Return the choice of one monitor; those that watch a model's errors come first."""
    sql = (
        "SELECT c.monitor FROM tidegauge.checkpoint c ORDER BY EXISTS (SELECT FROM tidegauge.series s "
        "WHERE s.monitor = c.monitor AND s.aspect = 'performance') DESC, c.monitor"
    )
    return variable("monitor", "Monitor", "The watched model.", sql)


def axis_variable() -> Json:
    """Return the choice of what the horizontal axis and the time range mean."""
    choices = {
        "live (when it was measured)": "computed_at",
        "event time (the end of the window)": "window_end",
    }
    return {
        "current": {"selected": True, "text": "live (when it was measured)", "value": "computed_at"},
        "description": "What the horizontal axis and the time range mean. For event time choose a range that covers "
        "the data: a replay's lies years back.",
        "hide": 0,
        "includeAll": False,
        "label": "Time axis",
        "multi": False,
        "name": "axis",
        "options": [
            {"selected": value == "computed_at", "text": text, "value": value}
            for text, value in choices.items()
        ],
        "query": ", ".join(f"{text} : {value}" for text, value in choices.items()),
        "skipUrlSync": False,
        "type": "custom",
    }


def column_variable(*, several: bool) -> Json:
    """Return the choice of columns of the monitor."""
    sql = f"SELECT DISTINCT column_name FROM tidegauge.series WHERE monitor = {MONITOR} AND column_name <> '' ORDER BY 1"
    return variable("column", "Column", "A watched column of the monitor.", sql, several=several)


def segment_variable() -> Json:
    """Return the choice of one segment of the rows, at first all rows."""
    sql = (
        "SELECT CASE segment WHEN '' THEN '(all rows)' ELSE segment END FROM tidegauge.series "
        f"WHERE monitor = {MONITOR} AND aspect = 'performance' GROUP BY segment ORDER BY segment"
    )
    return variable(
        "segment", "Segment", "Part of the rows that is measured by itself, such as a class.", sql
    )


def dashboard(
    uid: str,
    title: str,
    description: str,
    lines: Sequence[Line | Json],
    *,
    variables: Sequence[Json],
    of_monitor: str | None = MONITOR,
    since: str = "now-30m",
) -> Json:
    """Return a whole dashboard; a line is its height and its panels with their widths, else a row's head."""
    return {
        "annotations": {"list": [_built_in(), *_annotations(of_monitor)]},
        "description": description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [_pages()],
        "panels": _placed(lines),
        "refresh": "5s",
        "schemaVersion": 39,
        "tags": ["tidegauge"],
        "templating": {"list": list(variables)},
        "time": {"from": since, "to": "now"},
        "timepicker": {"refresh_intervals": ["1s", "2s", "5s", "10s", "30s", "1m", "5m", "15m"]},
        "timezone": "browser",
        "title": title,
        "uid": uid,
        "version": 1,
        "weekStart": "",
    }


def head(title: str) -> Json:
    """Return the head of a row of panels."""
    return {"collapsed": False, "panels": [], "title": title, "type": "row"}


def _placed(lines: Sequence[Line | Json]) -> list[Json]:
    placed: list[Json] = []
    numbers, top = count(1), 0
    for line in lines:
        height, parts = (1, [(WIDTH, line)]) if isinstance(line, dict) else line
        left = 0
        for width, part in parts:
            place = {"h": height, "w": width, "x": left, "y": top}
            placed.append({**part, "gridPos": place, "id": next(numbers)})
            left += width
        top += height
    return placed


def _pages() -> Json:
    return {
        "asDropdown": False,
        "icon": "dashboard",
        "includeVars": True,
        "keepTime": True,
        "tags": ["tidegauge"],
        "targetBlank": False,
        "title": "Tidegauge",
        "tooltip": "The other pages, with the same monitor, column and time range",
        "type": "dashboards",
        "url": "",
    }


def _built_in() -> Json:
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }


def _annotations(of_monitor: str | None) -> list[Json]:
    kinds = {
        "Alarms": (RED, "kind = 'breach'"),
        "Recoveries": (GREEN, "kind = 'recovery'"),
        "Other events": (BLUE, "kind NOT IN ('breach', 'recovery')"),
    }
    return [_annotation(name, color, chosen, of_monitor) for name, (color, chosen) in kinds.items()]


def _annotation(name: str, color: str, chosen: str, of_monitor: str | None) -> Json:
    watched = "" if of_monitor is None else f"monitor IN ({of_monitor}) AND "
    sql = (
        "SELECT CASE '$axis' WHEN 'window_end' THEN at ELSE recorded_at END AS \"time\", "
        "monitor || ': ' || message AS text, concat_ws(',', kind, nullif(column_name, '')) AS tags\n"
        f"FROM tidegauge.event WHERE {watched}{chosen}\n"
        "  AND (('$axis' = 'window_end' AND $__timeFilter(at)) "
        "OR ('$axis' <> 'window_end' AND $__timeFilter(recorded_at)))\n"
        "ORDER BY recorded_at DESC LIMIT 200"
    )
    return {
        "datasource": SOURCE,
        "enable": name != "Recoveries",
        "iconColor": color,
        "name": name,
        "target": query(sql, name, table=True),
    }


def _drawn_apart() -> list[Json]:
    dashed = {"dash": [8, 6], "fill": "dash"}
    quiet = {"custom__fillOpacity": 0, "custom__lineWidth": 1, "custom__showPoints": "never"}
    return [
        override("threshold", color={"fixedColor": RED, "mode": "fixed"}, custom__lineStyle=dashed, **quiet),
        override("reference", color={"fixedColor": BLUE, "mode": "fixed"}, custom__lineStyle=dashed, **quiet),
        override("low", color={"fixedColor": GREY, "mode": "fixed"}, **quiet),
        override(
            "high",
            color={"fixedColor": GREY, "mode": "fixed"},
            custom__fillBelowTo="low",
            **(quiet | {"custom__fillOpacity": 12}),
        ),
    ]
