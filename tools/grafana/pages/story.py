"""The story of each monitor: its state in words, as the service wrote it (`service/core/story`)."""

from __future__ import annotations

from tools.grafana.fields import NO_MONITOR, STATES, Json, link, mapped, override, widths
from tools.grafana.panels import table
from tools.grafana.sql import MONITOR, or_sentence, quoted

RANK = "array_position('{failing,silent,alarm,breach,waiting,fine}', s.state)"
# As many lines as it takes; Grafana 11 ignores the first setting and shows the whole text on a click.
LINES: Json = {"custom__wrapText": True, "custom__inspect": True}
STATE: Json = {
    "mappings": mapped(STATES),
    "custom__cellOptions": {"mode": "basic", "type": "color-background"},
}


def of_all() -> Json:
    """Return the panel with every monitor's story, those that need attention first."""
    sql = f"SELECT s.monitor, s.state, s.story FROM tidegauge.stories s ORDER BY {RANK}, s.monitor"
    to_monitor = link(
        "The monitor's page",
        "tidegauge-monitor",
        monitor="${__data.fields.monitor:percentencode}",
        axis="${axis}",
    )
    return table(
        "How each monitor is, and why",
        "The state of each monitor now in words, whatever the time range: since when, why, and what to look at first. "
        "`tidegauge status` prints the same. Days are those of the events that were measured.",
        or_sentence(sql, ("monitor", "state", "story"), "story", quoted(NO_MONITOR)),
        overrides=[
            *widths(monitor=150, state=85),
            override("monitor", links=[to_monitor]),
            override("state", **STATE),
            override("story", **LINES),
        ],
    )


def of_one() -> Json:
    """Return the panel with the chosen monitor's story."""
    sql = f"SELECT s.state, s.story FROM tidegauge.stories s WHERE s.monitor = {MONITOR}"
    return table(
        "How it is, and why",
        "The state now in words, whatever the time range: since when, why, and what to look at first.",
        or_sentence(sql, ("state", "story"), "story", quoted(NO_MONITOR)),
        overrides=[*widths(state=85), override("state", **STATE), override("story", **LINES)],
    )
