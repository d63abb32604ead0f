"""What the provisioned alerting promises, checked without a server."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.api.static_page import FOLDER
from service.status.known_names import EVENT_KINDS
from tests.unit.grafana.dashboards import (
    ALERTING,
    FILES,
    ROOT,
    Json,
    first_screen,
    load,
    overrides,
    panels,
    read_yaml,
    rule_queries,
    rules,
)

COMPOSE = read_yaml(ROOT / "docker-compose.yml")["services"]["grafana"]["environment"]
CHANNELS = {
    "GRAFANA_ALERT_WEBHOOK_URL": "tidegauge-webhook",
    "GRAFANA_ALERT_EMAIL": "tidegauge-email",
    "GRAFANA_ALERT_SLACK_URL": "tidegauge-slack",
}

each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])
each_channel = pytest.mark.parametrize("variable", CHANNELS)


def _composed(environment: dict[str, str]) -> dict[str, str]:
    """Return Grafana's environment as compose makes it of `${X:-default}` and `${X:+instead}`, inside out."""
    pattern = re.compile(r"\$\{(\w+):([-+?])([^${}]*)\}")

    def replace(found: re.Match[str]) -> str:
        value = environment.get(found[1], "")
        if found[2] == "+":
            return found[3] if value else ""
        return value or found[3]

    made = {}
    for name, text in COMPOSE.items():
        while pattern.search(text):
            text = pattern.sub(replace, text)  # noqa: PLW2901
        made[name] = text
    return made


def _in_grafana(value: Any, environment: dict[str, str]) -> Any:
    """Return provisioned settings with the environment put in, as Grafana does it: what is unset is empty."""
    if isinstance(value, dict):
        return {name: _in_grafana(item, environment) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_grafana(item, environment) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{?(\w+)\}?", lambda found: environment.get(found[1], ""), value)
    return value


def _provisioned(**given: str) -> tuple[list[Json], Json]:
    environment = _composed(given)
    points = read_yaml(ALERTING / "contact-points.yaml")["contactPoints"]
    (policy,) = read_yaml(ALERTING / "policies.yaml")["policies"]
    return _in_grafana(points, environment), _in_grafana(policy, environment)


def _notified(policy: Json, labels: dict[str, str]) -> list[str]:
    """Return the contact points that get an alert with these labels, as Grafana's routing says."""
    taken = []
    for route in policy["routes"]:
        if all(labels.get(name, "") == value for name, _, value in route["object_matchers"]):
            if not route.get("mute_time_intervals"):
                taken.append(route["receiver"])
            if not route.get("continue"):
                return taken
    return [*taken, policy["receiver"]]


@each_rule
def test_nothing_is_sent_until_a_contact_point_is_set(rule: Json) -> None:
    """With no variable set an alert of any rule is shown and goes nowhere."""
    _, policy = _provisioned()
    assert _notified(policy, rule["labels"]) == []


@each_rule
@each_channel
def test_a_contact_point_that_is_set_gets_every_alert(rule: Json, variable: str) -> None:
    """One variable turns one contact point on, and no other."""
    points, policy = _provisioned(**{variable: "http://a.example/$x"})
    assert _notified(policy, rule["labels"]) == [CHANNELS[variable]]
    settings = {point["name"]: point["receivers"][0]["settings"] for point in points}
    assert "http://a.example/$x" in settings[CHANNELS[variable]].values()


def test_alerts_of_ones_own_are_left_to_the_root() -> None:
    """A rule without the label goes to the root's contact point, whatever is set."""
    _, policy = _provisioned(GRAFANA_ALERT_SLACK_URL="http://a.example")
    assert _notified(policy, {"alertname": "mine"}) == ["tidegauge-email"]


def test_no_setting_is_empty_where_nothing_is_set() -> None:
    """Grafana refuses to start with an empty address: each has one that nobody listens on."""
    points, _ = _provisioned()
    for point in points:
        for receiver in point["receivers"]:
            assert receiver["uid"]
            assert all(value not in ("", None) for value in receiver["settings"].values()), point["name"]


def test_what_grafana_puts_in_is_what_compose_gives() -> None:
    """No variable of the provisioning files is missing in the container; rules have none at all."""
    files = [ALERTING / "contact-points.yaml", ALERTING / "policies.yaml"]
    named = {name for path in files for name in re.findall(r"\$\{?(\w+)", path.read_text())}
    assert named <= set(COMPOSE)
    assert "$" not in (ALERTING / "rules.yaml").read_text().split("groups:", 1)[1]
    assert "$" not in (ALERTING / "templates.yaml").read_text()


def test_policies_name_what_exists() -> None:
    """Every receiver is a contact point, every mute timing is defined, every template too."""
    points = {point["name"] for point in read_yaml(ALERTING / "contact-points.yaml")["contactPoints"]}
    content = read_yaml(ALERTING / "policies.yaml")
    timings = {timing["name"] for timing in content["muteTimes"]}
    (policy,) = content["policies"]
    routes = policy["routes"]
    assert {policy["receiver"], *(route["receiver"] for route in routes)} <= points
    assert {name for route in routes for name in route.get("mute_time_intervals", [])} <= timings
    used = set(re.findall(r'template "([\w.]+)"', (ALERTING / "contact-points.yaml").read_text()))
    assert used == set(re.findall(r'define "([\w.]+)"', (ALERTING / "templates.yaml").read_text()))


def test_rules_are_told_apart() -> None:
    """No uid or title stands twice, and each uid is one that Grafana takes (40 characters)."""
    for key in ("uid", "title"):
        values = [rule[key] for rule in rules()]
        assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[\w-]{1,40}", rule["uid"]) for rule in rules())


@each_rule
def test_a_rule_leads_to_a_panel_that_is_open(rule: Json) -> None:
    """The annotations that Grafana reads name a panel in no collapsed row; the link names a dashboard."""
    boards = {found["uid"]: {panel["id"] for panel in first_screen(found)} for found in map(load, FILES)}
    texts = rule["annotations"]
    assert int(texts["__panelId__"]) in boards[texts["__dashboardUid__"]]
    assert isinstance(texts["__panelId__"], str)
    assert not {"dashboardUid", "panelId"} & set(rule)
    assert set(re.findall(r"tidegauge-\w+", texts["dashboard"])) <= set(boards)


@each_rule
def test_messages_say_what_is_needed(rule: Json) -> None:
    """A message names monitor, column, value, threshold and window, and links to a dashboard."""
    text = " ".join(rule["annotations"].values())
    assert "monitor" in text.lower()
    assert "column" in text
    assert ".Value }}" in text
    assert "threshold" in text or "limit" in text
    assert "{{ externalURL }}d/" in rule["annotations"]["dashboard"]
    if rule["uid"] != "tidegauge-service-down":  # no window: nothing was measured
        assert "humanizeTimestamp .Values.W.Value" in text


def _unguarded(text: str) -> list[str]:
    """Return what a template would print of values and labels that a rule without rows does not have."""
    guarded = r"\{\{ if \.Values\.V \}\}.*\{\{ else \}\}(?P<otherwise>[^{}]+)\{\{ end \}\}"
    return re.findall(r"\{\{[^{}]*\.(?:Values|Labels)\.[^{}]*\}\}", re.sub(guarded, r"\g<otherwise>", text))


@each_rule
@pytest.mark.parametrize("name", ["summary", "description", "resolved"])
def test_texts_are_whole_without_values(rule: Json, name: str) -> None:
    """Without a row, as where all is well or the database is down, a text has a sentence of its own."""
    text = rule["annotations"][name]
    assert _unguarded(text) == []
    if name == "summary":
        assert "if .Values.V" in text
    assert text.count("{{ if") == text.count("{{ end }}")


@pytest.mark.parametrize(
    "text",
    [
        "{{ .Labels.monitor }} is silent",
        '{{ printf "%.4g" .Values.V.Value }} against',
        "a{{ if .Values.V }}b{{ end }}",
    ],
)
def test_an_unguarded_text_is_seen(text: str) -> None:
    """What Grafana would print as `[no value]`, or leave as a raw template, does not pass."""
    assert _unguarded(text) != []


@each_rule
def test_links_are_whole_without_labels(rule: Json) -> None:
    """A label that a rule without rows does not have is escaped only where it is there."""
    text = rule["annotations"]["dashboard"]
    for name in re.findall(r"\.Labels\.(\w+) \| urlquery", text):
        assert f"{{{{ if .Labels.{name} }}}}" in text or (
            name == "monitor" and "{{ if .Labels.column }}" in text
        )


def test_one_rule_reports_that_the_database_is_down() -> None:
    """The others keep their last state, so that one message is sent and not one for each rule."""
    states = {rule["uid"]: rule["execErrState"] for rule in rules()}
    assert states.pop("tidegauge-service-down") == "Alerting"
    assert set(states.values()) == {"KeepLast"}
    (rule,) = (rule for rule in rules() if rule["uid"] == "tidegauge-service-down")
    assert "{{ else }}The database does not answer" in rule["annotations"]["summary"]


@each_rule
def test_resolved_messages_do_not_repeat_the_breach(rule: Json) -> None:
    """What is sent at the end is a sentence of its own, without values, which are those of the breach."""
    template = (ALERTING / "templates.yaml").read_text()
    _, after = template.split("RESOLVED: ")
    assert after.startswith("{{ .Annotations.resolved }}")
    assert ".Annotations.summary" not in after
    assert not re.search(r"\.Values\.\w+\.Value", rule["annotations"]["resolved"])
    assert re.search(r"no longer|again|no row|has finished", rule["annotations"]["resolved"])


def test_texts_are_true_whichever_way_a_metric_gets_worse() -> None:
    """No text says on which side a value lies.

    An error is breached above its threshold, a score below it, a share of columns where it is reached;
    and while an alarm is ending the newest value is within it again.
    """
    for rule in rules():
        text = " ".join([rule["title"], *rule["annotations"].values()])
        assert not re.search(r"\b(floor|under|below|above)\b", text, re.IGNORECASE)
        assert "beyond" not in " ".join(rule["annotations"].values())


def test_texts_fit_one_and_several() -> None:
    """No count stands before the noun that it would have to agree with: one row is not "1 rows"."""
    for rule in rules():
        for text in rule["annotations"].values():
            assert not re.search(r"\}\} (rows|cycles|monitors|columns|windows)\b", text), text


def test_every_kind_of_event_has_words() -> None:
    """What the service writes into `event` has a word and a colour on the overview and on the live page."""
    (table,) = (
        panel
        for panel in panels(load(next(path for path in FILES if path.stem == "overview")))
        if panel["title"] == "Latest events"
    )
    (mapping,) = overrides(table, "kind")["mappings"]
    assert set(mapping["options"]) == set(EVENT_KINDS)
    listed = (FOLDER / "parts.js").read_text().partition("const KINDS = {")[2].partition("};")[0]
    assert set(re.findall(r"^  (\w+):", listed, re.MULTILINE)) == set(EVENT_KINDS)


def test_contact_points_are_in_force_before_the_first_message() -> None:
    """Grafana looks for provisioned policies more often than a group of alerts waits to be sent."""
    poll = COMPOSE["GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL"]
    (policy,) = read_yaml(ALERTING / "policies.yaml")["policies"]
    assert int(poll.removesuffix("s")) * 2 <= int(policy["group_wait"].removesuffix("s"))


@each_rule
def test_a_rule_is_put_together_as_grafana_wants_it(rule: Json) -> None:
    """The condition is a threshold over A, and every value that a message names is a query of the rule."""
    steps = {step["refId"]: step for step in rule["data"]}
    condition = steps[rule["condition"]]
    assert (condition["datasourceUid"], condition["model"]["type"]) == ("__expr__", "threshold")
    assert condition["model"]["expression"] in steps
    assert all(step["model"]["refId"] == letter for letter, step in steps.items())
    named = set(re.findall(r"\.Values\.(\w)\.", " ".join(rule["annotations"].values())))
    assert named <= set(rule_queries(rule))
    assert all(step["model"].get("format", "table") == "table" for step in steps.values())
