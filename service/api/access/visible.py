"""Which monitors an answer may name: those of the caller's token."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException

from service.status.known_names import advice
from service.status.readiness import OK, is_ok

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from service.api.ports import MonitorQueries, NamedMonitors, Readiness

VISIBLE = "tidegauge.visible"  # where in a request's scope the gate's answer is asked for
OTHERS = "other monitors"
LISTED_AT = "GET /v1/monitors"


def visible_to(scope: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the monitors that an answer may name; None for all."""
    asked = scope.get(VISIBLE)
    found: frozenset[str] | None = None if asked is None else asked()
    return found


def queries_for(scope: Mapping[str, Any], queries: MonitorQueries) -> MonitorQueries:
    """Return what answers a request of the monitors that it may know of, as if there were no others."""
    visible = visible_to(scope)
    return queries if visible is None else queries.of(visible)


def names_for(scope: Mapping[str, Any], queries: NamedMonitors) -> set[str]:
    """Return the names of the monitors that a request may know of."""
    visible = visible_to(scope)
    names = {monitor.name for monitor in queries.monitors()}
    return names if visible is None else names & visible


def unknown_monitor(name: str, names: Collection[str]) -> HTTPException:
    """Return the answer to a name that no monitor has, of those that the caller may know of."""
    return HTTPException(404, f"no monitor is named {name!r}{advice(name, names)}; {LISTED_AT} lists them")


def readiness_for(scope: Mapping[str, Any], found: Readiness) -> Readiness:
    """Return readiness without the names of monitors that a request may not know of; how many is said."""
    visible = visible_to(scope)
    if visible is None:
        return found
    hidden = {key for key in found.checks if _monitor_of(key) not in {None, *visible}}
    checks = {key: said for key, said in found.checks.items() if key not in hidden}
    wrong = sum(not is_ok(found.checks[key]) for key in hidden)
    if hidden:
        checks[OTHERS] = f"{wrong} of {len(hidden)} not ready" if wrong else OK
    replicas = {name: [each for each in held if each in visible] for name, held in found.replicas.items()}
    return replace(found, checks=checks, replicas=replicas)


def _monitor_of(check: str) -> str | None:
    """Return the monitor, or the file, that a check is about; None where it is about the service."""
    about, _, name = check.partition(" ")
    return name if about in {"monitor", "file"} else None
