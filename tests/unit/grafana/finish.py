"""Faults of how a dashboard looks, although its JSON is valid: each function lists a dashboard's offenders.

All were seen in a real Grafana 12.3 over the shipped provisioning.
"""

from __future__ import annotations

import re

from tests.unit.grafana.dashboards import (
    FILES,
    Json,
    all_sql,
    annotation_queries,
    custom,
    defaults,
    first_screen,
    of_kind,
    overrides,
    panels,
)

GREY = "#808080"
DASH = "\N{EN DASH}"
DIVERGING = {"RdBu"}  # which Grafana turns round by itself, so that red is the upper end
COLOR_WORDS = re.compile(r"\b(red|blue|green|bright\w*|pale|dark\w*|orange)\b", re.IGNORECASE)
SCREEN_PIXELS = 1_536  # of a window of 1,600 pixels, without Grafana's margins and the scroll bar
FLEXIBLE_PIXELS = 150  # Grafana's least width of a column without a width
STAT_CHARACTERS = 12  # more make a stat's text tiny
HINT_CHARACTERS = 120
MAX_MARKED = 2
(OVERVIEW,) = (path for path in FILES if path.stem == "overview")
POOR_ENGLISH = re.compile(
    r"\b(fine|numbers|beside|anew|whoever|stands?|told|a second(?! opinion)|an hour|plumbing|kept to)\b",
    re.IGNORECASE,
)


def inverted_colours(dashboard: Json) -> list[str]:
    """Heatmaps whose scheme is turned round twice, or whose text names colours that a theme changes."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "heatmap")
        if panel["options"]["color"]["reverse"]
        or (panel["options"]["color"]["scheme"] not in DIVERGING and COLOR_WORDS.search(panel["description"]))
        or not panel["options"]["legend"]["show"]
    ]


def sentences_in_table_cells(dashboard: Json) -> list[str]:
    """Tables that print more than a dash in an empty cell."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "table")
        if defaults(panel)["noValue"] != DASH
        or any(
            found["id"] == "noValue"
            for rule in panel["fieldConfig"]["overrides"]
            for found in rule["properties"]
        )
    ]


def stats_without_grey_null(dashboard: Json) -> list[str]:
    """Stats that are coloured, or print a sentence, where there is no value."""

    def is_grey(mapping: Json, word: str) -> bool:
        if mapping["type"] != "special" or mapping["options"]["match"] != "null+nan":
            return False
        result = mapping["options"]["result"]
        return (result["color"], result["text"]) == (GREY, word)

    return [
        panel["title"]
        for panel in of_kind(dashboard, "stat")
        if len(defaults(panel)["noValue"]) > STAT_CHARACTERS
        or not any(is_grey(found, defaults(panel)["noValue"]) for found in defaults(panel)["mappings"])
    ]


def crashes_without_rows(dashboard: Json) -> list[str]:
    """Heatmaps and timelines that are handed the frame without fields that an answer without rows is."""
    dropping = {"id": "filterFieldsByName", "options": {"include": {"pattern": ".*"}}}
    return [
        panel["title"]
        for panel in of_kind(dashboard, "heatmap", "state-timeline")
        if dropping not in panel.get("transformations", [])
    ]


def sentences_in_legends(dashboard: Json) -> list[str]:
    """Lines whose legend prints the panel's sentence where a line has no value."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "timeseries")
        if overrides(panel, ".*").get("noValue") != DASH
    ]


def timelines_without_words(dashboard: Json) -> list[str]:
    """Timelines whose legend shows numbers, or that have no grey state for "no window"."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "state-timeline")
        if defaults(panel)["color"]["mode"] != "fixed"
        or "thresholds" in defaults(panel)
        or defaults(panel)["mappings"][0]["options"].get("-1", {})
        != {"color": GREY, "index": 0, "text": "No window"}
    ]


def annotations_that_bury(dashboard: Json) -> list[str]:
    """Annotations that are on by default for more than performance, or on more than a few charts."""
    charts = {panel["id"] for panel in first_screen(dashboard) if panel["type"] == "timeseries"}
    found = []
    for name, annotation in annotation_queries(dashboard):
        if annotation["enable"]:
            chosen, sql = (
                annotation.get("filter", {"exclude": True, "ids": []}),
                annotation["target"]["rawSql"],
            )
            few = (
                not chosen["exclude"]
                and 0 < len(chosen["ids"]) <= MAX_MARKED
                and set(chosen["ids"]) <= charts
            )
            if (
                not few
                or "details ->> 'aspect' = 'performance'" not in sql
                or "kind = 'change_point'" not in sql
            ):
                found.append(name)
    return found


def hidden_columns(dashboard: Json) -> list[str]:
    """Tables whose fixed widths and one flexible column do not fit a screen of 1,600 pixels."""
    found = []
    for panel in of_kind(dashboard, "table"):
        given = [
            item["value"]
            for rule in panel["fieldConfig"]["overrides"]
            for item in rule["properties"]
            if item["id"] == "custom.width"
        ]
        room = SCREEN_PIXELS * panel["gridPos"]["w"] // 24
        if not given or sum(given) + FLEXIBLE_PIXELS > room:
            found.append(f"{panel['title']}: {sum(given)} + {FLEXIBLE_PIXELS} of {room}")
    return found


def axes_to_ten_thousand_percent(dashboard: Json) -> list[str]:
    """Charts of shares whose axis has no soft upper end."""
    return [
        panel["title"]
        for panel in of_kind(dashboard, "timeseries", "barchart")
        if defaults(panel)["unit"] == "percentunit"
        and "max" not in defaults(panel)
        and not 0 < custom(panel).get("axisSoftMax", 0) <= 1
    ]


def long_hints(dashboard: Json) -> list[str]:
    """Panels with a long sentence where they are empty, or that are open for a hint about the file."""
    shown = {panel["title"] for panel in first_screen(dashboard)}
    return [
        panel["title"]
        for panel in panels(dashboard)
        if len(defaults(panel).get("noValue", "")) > HINT_CHARACTERS
        or (panel["title"] in shown and "`service:`" in defaults(panel).get("noValue", ""))
    ]


def head_of_many_buttons(dashboard: Json) -> list[str]:
    """Links to the other pages that are a button each."""
    return [link["title"] for link in dashboard["links"] if not link["asDropdown"]]


def links_by_another_name(dashboard: Json) -> list[str]:
    """Sentences that name a link of the overview which is called otherwise."""
    titles = set(re.findall(r'"title": "([^"]*)"', OVERVIEW.read_text()))
    texts = [
        *all_sql(dashboard).values(),
        *(defaults(panel).get("noValue", "") for panel in panels(dashboard)),
    ]
    named = {name for text in texts for name in re.findall(r"the link '+([^']*)'", text)}
    return sorted(named - titles)


def poor_english(dashboard: Json) -> list[str]:
    """Texts with words that a native engineer would not use, or that are home-made."""
    texts = [dashboard["title"], dashboard["description"]]
    for panel in panels(dashboard):
        texts += [panel["title"], panel["description"], defaults(panel).get("noValue", "")]
        texts += [panel["options"].get("content", "")]
        texts += [
            word["text"]
            for mapping in defaults(panel).get("mappings", [])
            if mapping["type"] == "value"
            for word in mapping["options"].values()
        ]
    return [text for text in texts if POOR_ENGLISH.search(text)]


CHECKS = (
    inverted_colours,
    sentences_in_table_cells,
    stats_without_grey_null,
    crashes_without_rows,
    sentences_in_legends,
    timelines_without_words,
    annotations_that_bury,
    hidden_columns,
    axes_to_ten_thousand_percent,
    long_hints,
    head_of_many_buttons,
    links_by_another_name,
    poor_english,
)
