"""Panels over time and over bins: lines, timelines, bars and heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.grafana.fields import (
    BLUE,
    DASH,
    GREY,
    LANE_STATES,
    RED,
    TEXT,
    Json,
    fixed,
    mapped,
    override,
    override_matching,
)
from tools.grafana.panels import DROP_EMPTY_FRAMES, panel, query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Without these, an axis on which everything is 0 reaches to 100, which is 10,000 %.
SOFT_MAX_SHARE, SOFT_MAX = 0.1, 1.0


def series(
    title: str,
    description: str,
    targets: str | Sequence[Json],
    *,
    unit: str = "none",
    drawn_as_bars: bool = False,
    joined: bool = False,
    many: bool = False,
    **more: Any,
) -> Json:
    """Return lines over time (or bars): fields `threshold`, `reference`, `low` and `high` are drawn as such.

    `joined` says that lines of several monitors share the panel: their times differ, and each is drawn across
    the times of the others. `many` puts the legend to the right, highest line first.
    """
    soft_max = SOFT_MAX_SHARE if unit == "percentunit" else SOFT_MAX
    style = {
        "axisSoftMax": None if "max" in more else more.pop("soft_max", soft_max),
        "axisSoftMin": more.pop("soft_min", None),
        "drawStyle": "bars" if drawn_as_bars else "line",
        "fillOpacity": 70 if drawn_as_bars else 0 if many else 8,
        "lineWidth": 1 if drawn_as_bars else 2,
        "showPoints": "auto",
        "spanNulls": joined,
        "stacking": {"group": "A", "mode": "normal" if drawn_as_bars else "none"},
        "thresholdsStyle": {"mode": "dashed" if "thresholds" in more else "off"},
    }
    legend = {"calcs": ["lastNotNull"], "displayMode": "list", "placement": "bottom", "showLegend": True}
    if many:
        legend |= {"displayMode": "table", "placement": "right", "sortBy": "Last *", "sortDesc": True}
    return panel(
        "timeseries",
        title,
        description,
        [query(targets)] if isinstance(targets, str) else targets,
        unit=unit,
        color={"mode": "palette-classic"},
        custom={name: value for name, value in style.items() if value is not None},
        options={"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
        # A line without any value would otherwise print the sentence of the empty panel in the legend.
        overrides=[override_matching(".*", noValue=DASH), *more.pop("overrides", []), *_drawn_apart()],
        **more,
    )


def timeline(
    title: str,
    description: str,
    sql: str,
    states: Mapping[str, tuple[str, str]] = LANE_STATES,
    **more: Any,
) -> Json:
    """Return lanes over time; the colours and the legend are those of `states`."""
    return panel(
        "state-timeline",
        title,
        description,
        [query(sql)],
        color=fixed(GREY),
        custom={"fillOpacity": 80, "lineWidth": 0, "spanNulls": True},
        mappings=mapped(states),
        options={
            "alignValue": "left",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "mergeValues": True,
            "rowHeight": 0.85,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        },
        transformations=[DROP_EMPTY_FRAMES],
        **more,
    )


def bars(
    title: str, description: str, sql: str, *, x: str, unit: str, stacked: bool = False, **more: Any
) -> Json:
    """Return bars side by side or stacked, one group per value of the column `x`."""
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
    custom = {
        "axisSoftMax": SOFT_MAX_SHARE if unit == "percentunit" else SOFT_MAX,
        "fillOpacity": 80,
        "lineWidth": 1,
    }
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
    title: str,
    description: str,
    sql: str,
    *,
    scheme: str,
    ends: tuple[float, float],
    straight: bool = False,
    **more: Any,
) -> Json:
    """Return cells over time, one row per bin in the order of the bins' names; the legend shows the scale.

    Grafana itself turns a diverging scheme such as RdBu round, so that red is the upper end, and a scheme of one
    hue in the dark theme only.
    """
    low, high = ends
    color = {
        "exponent": 0.5,
        "fill": "dark-orange",
        "max": high,
        "min": low,
        "mode": "scheme",
        "reverse": False,
        "scale": "linear" if straight else "exponential",
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
        transformations=[DROP_EMPTY_FRAMES],
        **more,
    )


def _drawn_apart() -> list[Json]:
    dashed = {"dash": [8, 6], "fill": "dash"}
    quiet = {"custom__fillOpacity": 0, "custom__lineWidth": 1, "custom__showPoints": "never"}
    return [
        override("threshold", color=fixed(RED), custom__lineStyle=dashed, **quiet),
        override("reference", color=fixed(BLUE), custom__lineStyle=dashed, **quiet),
        override("low", color=fixed(TEXT), **quiet),
        override(
            "high",
            color=fixed(TEXT),
            custom__fillBelowTo="low",
            **(quiet | {"custom__fillOpacity": 12}),
        ),
    ]
