"""Panels of numbers and words: stats, tables, Markdown; and what every panel has.

Only features that Grafana 11, 12 and 13 all have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.grafana.fields import DASH, NO_WINDOW, Json, mapped_null

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE: Json = {"type": "grafana-postgresql-datasource", "uid": "tidegauge"}
# Grafana's own data source that hands on what another panel of the dashboard has asked.
OTHER_PANEL: Json = {"type": "datasource", "uid": "-- Dashboard --"}
# An answer without rows has no fields, which timelines and heatmaps cannot draw: this leaves such frames out.
DROP_EMPTY_FRAMES: Json = {"id": "filterFieldsByName", "options": {"include": {"pattern": ".*"}}}


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


def answer_of(title: str) -> Json:
    """Return a target that reuses the answer of the panel with this title."""
    return {"datasource": OTHER_PANEL, "panelId": title, "refId": "A", "withTransforms": False}


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
    """Return a panel without its place; `empty` is shown where there is nothing to show."""
    found: Json = {
        "datasource": targets[0]["datasource"],
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


def stat(
    title: str,
    description: str,
    targets: str | Sequence[Json],
    *,
    fields: str = "",
    empty: str = "no data",
    **more: Any,
) -> Json:
    """Return one number or word, large; of an answer with several fields those that match the pattern.

    `empty` is one or two words: a stat scales its text to its size.
    """
    options = {
        "colorMode": more.pop("color_mode", "value"),
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": fields, "values": False},
        "showPercentChange": False,
        "textMode": more.pop("text_mode", "auto"),
        "wideLayout": True,
    }
    return panel(
        "stat",
        title,
        description,
        [query(targets, table=True)] if isinstance(targets, str) else targets,
        empty=empty,
        options=options,
        mappings=[*more.pop("mappings", []), mapped_null(empty)],
        **more,
    )


def table(title: str, description: str, targets: str | Sequence[Json], **more: Any) -> Json:
    """Return rows with a head. An empty table is the query's to explain: see `sql.or_sentence`."""
    return panel(
        "table",
        title,
        description,
        [query(targets, table=True)] if isinstance(targets, str) else targets,
        empty=DASH,
        options={"cellHeight": "sm", "frameIndex": 0, "showHeader": True},
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
        **more,
    )


def words(title: str, content: str) -> Json:
    """Return a panel of Markdown that explains the panels around it."""
    return {
        "datasource": SOURCE,
        "description": "How to read this page.",
        "fieldConfig": {"defaults": {"unit": "none"}, "overrides": []},
        "options": {"content": content.strip(), "mode": "markdown"},
        "title": title,
        "type": "text",
    }
