"""The committed dashboards and alert rules, and every piece of SQL in them by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
GRAFANA = ROOT / "config" / "grafana"
ALERTING = GRAFANA / "provisioning" / "alerting"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))

Json = dict[str, Any]


def load(path: Path) -> Json:
    """Return a dashboard's JSON."""
    dashboard: Json = json.loads(path.read_text())
    return dashboard


def read_yaml(path: Path) -> Any:
    """Return a provisioning file's content."""
    return yaml.safe_load(path.read_text())


def first_screen(dashboard: Json) -> list[Json]:
    """Return the panels that are open when the dashboard is opened: those in no collapsed row."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panels(dashboard: Json) -> list[Json]:
    """Return all panels that show something, those of collapsed rows among them."""
    return [
        panel
        for part in dashboard["panels"]
        for panel in (part["panels"] if part["type"] == "row" else [part])
    ]


def panel_queries(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Give each target that asks the database, with its panel's title."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            if "rawSql" in target:
                yield f"{panel['title']}, {target['refId']}", target


def variable_queries(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Give each variable that asks the database, with its name."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable


def annotation_queries(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Give each annotation that asks the database, with its name."""
    for annotation in dashboard["annotations"]["list"]:
        if "target" in annotation:
            yield f"annotation {annotation['name']}", annotation


def all_sql(dashboard: Json) -> dict[str, str]:
    """Return every SQL text of a dashboard by where it stands."""
    texts = {name: target["rawSql"] for name, target in panel_queries(dashboard)}
    texts |= {name: variable["query"] for name, variable in variable_queries(dashboard)}
    texts |= {name: annotation["target"]["rawSql"] for name, annotation in annotation_queries(dashboard)}
    return texts


def rules() -> list[Json]:
    """Return the alert rules."""
    (group,) = read_yaml(ALERTING / "rules.yaml")["groups"]
    found: list[Json] = group["rules"]
    return found


def rule_queries(rule: Json) -> dict[str, str]:
    """Return a rule's SQL by its letter."""
    return {
        step["refId"]: step["model"]["rawSql"] for step in rule["data"] if step["datasourceUid"] != "__expr__"
    }


def of_kind(dashboard: Json, *kinds: str) -> Iterator[Json]:
    """Yield the panels of these kinds."""
    return (panel for panel in panels(dashboard) if panel["type"] in kinds)


def defaults(panel: Json) -> Json:
    """Return a panel's settings of all fields."""
    found: Json = panel["fieldConfig"]["defaults"]
    return found


def custom(panel: Json) -> Json:
    """Return the settings of a panel's own kind."""
    found: Json = defaults(panel).get("custom", {})
    return found


def sql_of(panel: Json) -> str:
    """Return all SQL of a panel as one text."""
    return "\n".join(target.get("rawSql", "") for target in panel.get("targets", []))


def overrides(panel: Json, name: str) -> dict[str, Any]:
    """Return the settings of the fields that one matcher of a panel names."""
    return {
        found["id"]: found["value"]
        for rule in panel["fieldConfig"]["overrides"]
        if rule["matcher"]["options"] == name
        for found in rule["properties"]
    }
