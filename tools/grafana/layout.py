"""Lay panels out on a dashboard: lines, collapsed rows, links to the other pages."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING, Any

from tools.grafana.fields import Json
from tools.grafana.marks import annotation_list
from tools.grafana.sql import MONITOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Line = tuple[int, list[tuple[int, Json]]]

WIDTH = 24  # of Grafana's grid
REFRESH = "10s"
INTERVALS = ["1s", "2s", "5s", "10s", "30s", "1m", "5m", "15m"]


def dashboard(
    uid: str,
    title: str,
    description: str,
    lines: Sequence[Line | Json],
    *,
    variables: Sequence[Json],
    of_monitor: str | None = MONITOR,
    marked: Sequence[str] = (),
    since: str = "now-30m",
) -> Json:
    """Return a whole dashboard; a line is its height and its panels with their widths, or a collapsed row.

    `marked` names the panels that show performance alarms; without `of_monitor` there is nothing to mark.
    """
    found = {
        "annotations": {"list": annotation_list(of_monitor, marked) if of_monitor else []},
        "description": description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [_pages()],
        "panels": _placed(lines),
        "refresh": REFRESH,
        "schemaVersion": 39,
        "tags": ["tidegauge"],
        "templating": {"list": list(variables)},
        "time": {"from": since, "to": "now"},
        "timepicker": {"refresh_intervals": INTERVALS},
        "timezone": "browser",
        "title": title,
        "uid": uid,
        "version": 1,
        "weekStart": "",
    }
    _resolve_titles(found)
    return found


def row(title: str, *lines: Line) -> Json:
    """Return a row that is collapsed when the page opens: what is not seen is not queried."""
    return {"collapsed": True, "panels": list(lines), "title": title, "type": "row"}


def every_panel(found: Json) -> Iterator[Json]:
    """Yield the panels of a dashboard, those of collapsed rows among them."""
    return chain.from_iterable(
        part["panels"] if part["type"] == "row" else [part] for part in found["panels"]
    )


def _placed(lines: Sequence[Line | Json]) -> list[Json]:
    placed: list[Json] = []
    numbers, top = count(1), 0
    for line in lines:
        if isinstance(line, dict):
            place = {"h": 1, "w": WIDTH, "x": 0, "y": top}
            head = {**line, "gridPos": place, "id": next(numbers)}
            inner, below = list[Json](), top + 1
            for part in line["panels"]:
                inner += _in_line(part, below, numbers)
                below += part[0]
            placed.append({**head, "panels": inner})
            top += 1
        else:
            placed += _in_line(line, top, numbers)
            top += line[0]
    return placed


def _in_line(line: Line, top: int, numbers: Iterator[int]) -> list[Json]:
    height, parts = line
    placed, left = list[Json](), 0
    for width, part in parts:
        place = {"h": height, "w": width, "x": left, "y": top}
        placed.append({**part, "gridPos": place, "id": next(numbers)})
        left += width
    return placed


def _resolve_titles(found: Json) -> None:
    """Replace the titles of panels by their ids, in shared answers and in annotations."""
    ids: dict[str, Any] = {panel["title"]: panel["id"] for panel in every_panel(found)}
    for panel in every_panel(found):
        if "targets" in panel:
            panel["targets"] = [
                target | ({"panelId": ids[target["panelId"]]} if "panelId" in target else {})
                for target in panel["targets"]
            ]
    for annotation in found["annotations"]["list"]:
        if "filter" in annotation:
            annotation["filter"]["ids"] = [ids[title] for title in annotation["filter"]["ids"]]


def _pages() -> Json:
    return {
        "asDropdown": True,
        "icon": "dashboard",
        "includeVars": True,
        "keepTime": True,
        "tags": ["tidegauge"],
        "targetBlank": False,
        "title": "Pages",
        "tooltip": "The other pages, with the same monitor, column and time range",
        "type": "dashboards",
        "url": "",
    }
