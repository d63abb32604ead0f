from __future__ import annotations

import re
from itertools import chain, combinations
from pathlib import Path

import pytest

from tests.unit.grafana.dashboards import (
    FILES,
    GRAFANA,
    ROOT,
    Json,
    all_sql,
    annotation_queries,
    load,
    panel_queries,
    panels,
    read_yaml,
    variable_queries,
)
from tools.grafana.__main__ import DASHBOARDS, text_of

COLUMNS = 24  # Grafana's grid

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def _source() -> Json:
    (source,) = read_yaml(GRAFANA / "provisioning" / "datasources" / "tidegauge.yaml")["datasources"]
    found: Json = source
    return found


def test_there_are_six_dashboards() -> None:
    """The folder that is provisioned holds what the builder builds, and nothing else."""
    assert {path.stem for path in FILES} == set(DASHBOARDS)


@each_file
def test_file_is_in_step_with_its_builder(path: Path) -> None:
    """The committed JSON is what `python -m tools.grafana` writes."""
    assert path.read_text() == text_of(DASHBOARDS[path.stem]())


def test_no_uid_stands_twice() -> None:
    """Every dashboard has a uid of its own."""
    uids = [load(path)["uid"] for path in FILES]
    assert len(set(uids)) == len(uids)
    assert all(uids)


@each_file
def test_panels_have_their_own_id_and_place(path: Path) -> None:
    """No two panels share an id or overlap, and none leaves the grid."""
    dashboard = load(path)
    rows = [part for part in dashboard["panels"] if part["type"] == "row"]
    ids = [panel["id"] for panel in (*rows, *panels(dashboard))]
    assert len(set(ids)) == len(ids)
    for part in (dashboard, *rows):
        _are_apart([panel["gridPos"] for panel in part["panels"]])


def _are_apart(places: list[Json]) -> None:
    assert all(p["x"] >= 0 and p["x"] + p["w"] <= COLUMNS for p in places)
    overlaps = [
        (a, b)
        for a, b in combinations(places, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]
    assert overlaps == []


@each_file
def test_everything_names_the_provisioned_data_source(path: Path) -> None:
    """What asks names the provisioned source by type and uid; a shared answer names Grafana's own."""
    dashboard, source = load(path), _source()
    queries = chain(panel_queries(dashboard), variable_queries(dashboard), annotation_queries(dashboard))
    shared = [panel for panel in panels(dashboard) if any("panelId" in t for t in panel.get("targets", []))]
    other = {"type": "datasource", "uid": "-- Dashboard --"}
    assert all([p["datasource"], *(t["datasource"] for t in p["targets"])] == [other] * 2 for p in shared)
    named = {panel["title"]: panel["datasource"] for panel in panels(dashboard) if panel not in shared}
    named |= {name: query["datasource"] for name, query in queries}
    wanted = {"type": source["type"], "uid": source["uid"]}
    assert {name: found for name, found in named.items() if found != wanted} == {}


@each_file
def test_dashboard_is_live_when_opened(path: Path) -> None:
    """A relative time range and a refresh of 10 s, or it would open empty and stay so; 1 s may be chosen."""
    dashboard = load(path)
    assert dashboard["time"]["from"].startswith("now-")
    assert dashboard["time"]["to"] == "now"
    assert dashboard["refresh"] == "10s"
    assert "1s" in dashboard["timepicker"]["refresh_intervals"]


@each_file
def test_panels_explain_themselves(path: Path) -> None:
    """Every panel has a title of its own, a description, a unit, and says what to do where it is empty."""
    shown = panels(load(path))
    assert len({panel["title"] for panel in shown}) == len(shown)
    assert [p["title"] for p in shown if not p["description"]] == []
    assert [p["title"] for p in shown if "unit" not in p["fieldConfig"]["defaults"]] == []
    asking = [p for p in shown if p["type"] != "text"]
    assert [p["title"] for p in asking if not p["fieldConfig"]["defaults"].get("noValue")] == []


@each_file
def test_queries_use_defined_variables_and_every_variable_is_used(path: Path) -> None:
    """What a query names is a variable of its dashboard, and no variable is there for nothing."""
    dashboard = load(path)
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    named = set(re.findall(r"\$\{?((?!__)\w+)", "\n".join(all_sql(dashboard).values())))
    assert named == defined


@each_file
def test_choices_that_the_database_gives_are_quoted(path: Path) -> None:
    """A monitor or column named o'hare must not break a query: only the axis is put in bare."""
    for name, sql in all_sql(load(path)).items():
        bare = set(re.findall(r"\$(?:(?!__)(\w+)|\{(\w+)\})", sql))
        assert {one or other for one, other in bare} <= {"axis"}, name


@each_file
def test_links_lead_to_dashboards_that_exist(path: Path) -> None:
    """Each data link names a dashboard of these, and variables that it has."""
    variables = {
        found["uid"]: {variable["name"] for variable in found["templating"]["list"]}
        for found in map(load, FILES)
    }
    for url in re.findall(r'"url": "(/d/[^"]*)"', path.read_text()):
        uid, given = url.removeprefix("/d/").split("?", 1)
        assert set(re.findall(r"&var-(\w+)=", f"&{given}")) <= variables[uid], url


@each_file
def test_every_page_leads_to_the_others(path: Path) -> None:
    """The link at the top lists all dashboards of the tag, keeping the time range and the choices."""
    dashboard = load(path)
    (link,) = dashboard["links"]
    assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)
    assert set(link["tags"]) <= set(dashboard["tags"])


@each_file
def test_alarms_can_be_marked_on_every_page_with_charts(path: Path) -> None:
    """Alarms, recoveries and other events are annotations; the overview lists them, and has none."""
    names = {name for name, _ in annotation_queries(load(path))}
    wanted = {"annotation All alarms", "annotation Recoveries", "annotation Other events"}
    assert names - {"annotation Performance alarms and change points"} == (
        set() if path.stem == "overview" else wanted
    )


@each_file
def test_time_axis_can_be_chosen(path: Path) -> None:
    """The live axis is the default, event time the other choice."""
    (axis,) = (v for v in load(path)["templating"]["list"] if v["name"] == "axis")
    assert axis["current"]["value"] == "computed_at"
    assert [option["value"] for option in axis["options"]] == ["computed_at", "window_end"]
    assert axis["query"] == ", ".join(f"{o['text']} : {o['value']}" for o in axis["options"])


def test_data_source_reads_only_and_keeps_its_password_secret() -> None:
    """The data source is the reader's, its database stands in jsonData, its password comes by variable."""
    source = _source()
    assert source["user"] == "tidegauge_reader"
    assert "database" not in source
    assert source["jsonData"]["database"] == "tidegauge"
    assert source["jsonData"]["timeInterval"] == "1s"
    assert source["secureJsonData"] == {"password": "$POSTGRES_READER_PASSWORD"}
    assert source["editable"] is False


def test_containers_mount_what_grafana_looks_for() -> None:
    """The provider's folder is the one that compose mounts, and the home dashboard lies in it."""
    (provider,) = read_yaml(GRAFANA / "provisioning" / "dashboards" / "tidegauge.yaml")["providers"]
    grafana = read_yaml(ROOT / "docker-compose.yml")["services"]["grafana"]
    folder = provider["options"]["path"]
    assert f"./config/grafana/dashboards:{folder}:ro" in grafana["volumes"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == folder
    assert home.name in {path.name for path in FILES}
    assert grafana["environment"]["GF_DASHBOARDS_MIN_REFRESH_INTERVAL"] == "1s"


def test_nothing_calls_home() -> None:
    """Every switch that keeps Grafana from asking servers of its own is thrown."""
    environment = read_yaml(ROOT / "docker-compose.yml")["services"]["grafana"]["environment"]
    off = {name for name in environment if environment[name] == "false"}
    assert {
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
        "GF_NEWS_NEWS_FEED_ENABLED",
        "GF_PLUGINS_PREINSTALL_AUTO_UPDATE",
    } <= off
    for name in (
        "PLUGINS_PREINSTALL_DISABLED",
        "PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED",
        "SECURITY_DISABLE_GRAVATAR",
    ):
        assert environment[f"GF_{name}"] == "true"
