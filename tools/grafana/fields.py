"""Field settings: colours, thresholds, value mappings, overrides and links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

GREEN, ORANGE, RED, BLUE, PURPLE = "green", "orange", "red", "blue", "purple"
TEXT = "text"  # the theme's own colour of text
GREY = "#808080"  # readable on a dark and on a light background
DASH = "\N{EN DASH}"
INSTANT = "dateTimeAsIsoNoDateIfToday"
EVENT_TIME_LINK = "Its whole event time"

NO_WINDOW = f"No window in this time range. For a replay, use the link '{EVENT_TIME_LINK}' on the overview."
NO_MONITOR = "No monitor has run a cycle yet. Start the service; `tidegauge check` names what is wrong."

STATES: dict[str, tuple[str, str]] = {
    "fine": ("Healthy", GREEN),
    "waiting": ("Waiting", BLUE),
    "breach": ("Breach", ORANGE),
    "alarm": ("Alarm", RED),
    "silent": ("Silent", PURPLE),
    "failing": ("Failing", PURPLE),
}
# Values of a lane of a timeline.
LANE_STATES: dict[str, tuple[str, str]] = {
    "-1": ("No window", GREY),
    "0": ("No threshold", BLUE),
    "1": ("Healthy", GREEN),
    "2": ("Breached", RED),
}
EVENT_KINDS: dict[str, tuple[str, str]] = {
    "breach": ("Alarm", RED),
    "recovery": ("Recovered", GREEN),
    "change_point": ("Change point", ORANGE),
    "detector_waiting": ("Detector waiting", BLUE),
    "labels_unmatched": ("Labels without a row", ORANGE),
    "schema_change": ("Schema change", BLUE),
    "rows_lost": ("Rows lost", RED),
    "file_refused": ("File refused", RED),
    "file_replaced": ("File replaced", RED),
    "ended": ("Source ended", BLUE),
    "reset": ("Reset", BLUE),
    "renamed": ("Renamed", BLUE),
    "removed": ("Removed", BLUE),
}


def override(name: str, **properties: Any) -> Json:
    """Return settings for one field only; `custom__x` is Grafana's `custom.x`."""
    return _matched("byName", name, properties)


def override_matching(pattern: str, **properties: Any) -> Json:
    """Return settings for the fields whose name matches a regular expression."""
    return _matched("byRegexp", pattern, properties)


def override_query(ref: str, **properties: Any) -> Json:
    """Return settings for the fields that one query of the panel returns."""
    return _matched("byFrameRefID", ref, properties)


def _matched(matcher: str, options: str, properties: Mapping[str, Any]) -> Json:
    listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": matcher, "options": options}, "properties": listed}


def widths(**pixels: int) -> list[Json]:
    """Return the widths of a table's columns; `for_example` is the column "for example"."""
    return [override(name.replace("_", " "), custom__width=width) for name, width in pixels.items()]


def fixed(color: str) -> Json:
    """Return a colour that depends on nothing."""
    return {"fixedColor": color, "mode": "fixed"}


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Return thresholds: from each number on, its colour; the first number is None."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in pairs]}


def mapped(words: Mapping[str, tuple[str, str]]) -> list[Json]:
    """Return value mappings: each value is shown as a word in a colour."""
    options = {
        value: {"color": color, "index": index, "text": word}
        for index, (value, (word, color)) in enumerate(words.items())
    }
    return [{"options": options, "type": "value"}]


def mapped_null(word: str) -> Json:
    """Return the mapping that shows a missing value as a grey word."""
    result = {"color": GREY, "index": 99, "text": word}
    return {"options": {"match": "null+nan", "result": result}, "type": "special"}


def link(title: str, dashboard: str, **variables: str) -> Json:
    """Return a data link to another page; it keeps the time range."""
    given = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"targetBlank": False, "title": title, "url": f"/d/{dashboard}?${{__url_time_range}}{given}"}


def column_link(column: str = "${__value.raw:percentencode}") -> Json:
    """Return the data link from a table's cell to the column's page."""
    return link(
        "The column's page",
        "tidegauge-column",
        monitor="${monitor:percentencode}",
        axis="${axis}",
        column=column,
    )


def severity_columns() -> list[Json]:
    """Return the settings of the columns value, threshold, reference and severity."""
    return [
        override_matching("^(value|threshold|reference)$", decimals=3),
        override(
            "severity",
            decimals=2,
            custom__cellOptions={"mode": "basic", "type": "color-background"},
            thresholds=steps((None, GREEN), (0.8, ORANGE), (1, RED)),
        ),
    ]
