"""Build the API on prepared answers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from service.access.gate import Gate
from service.access.proxy import TrustedProxy
from service.access.tokens import Tokens
from service.api.ports import Callables
from service.core.access import Grant, Scope
from service.status.live_feed import EventBroadcaster
from service.status.monitor_state import CycleStatus

NOW = 1_767_225_600_000_000  # 2026-01-01, UTC microseconds


class Queries:
    """No monitor, or one by the name of `name`; a test overrides what it asks for."""

    name: str | None = None

    def monitors(self) -> list[CycleStatus]:
        return [] if self.name is None else [cycle_status(self.name)]


def cycle_status(name: str = "shop", **more: Any) -> CycleStatus:
    """Make the status of a monitor that runs every five seconds and has had three cycles."""
    given: dict[str, Any] = {
        "name": name, "description": "", "cycle_seconds": 5.0, "cycles": 3, "failures_in_a_row": 0,
        "finished": False, "last_cycle": None,
    }  # fmt: skip
    return CycleStatus(**{**given, **more})


def gate(
    *,
    is_open: bool = False,
    ingest_token: str | None = None,
    hosts: frozenset[str] = frozenset({"tidegauge.test"}),
    proxy: TrustedProxy | None = None,
    metrics_open: bool = True,
) -> Gate:
    """Make a gate without tokens, but that of the settings."""
    fixed = None if ingest_token is None else (ingest_token, Grant(frozenset({Scope.ROWS, Scope.LABELS})))
    return Gate(Tokens(fixed=fixed, now=lambda: NOW), is_open, lambda: NOW, hosts, proxy, metrics_open)


def callables(**given: Any) -> Callables:
    """Fill in what is not given: no monitor, an empty stream, and callables that must not be called."""

    async def unused(*_: Any, **__: Any) -> Any:
        raise AssertionError("not asked for")

    named: dict[str, Any] = {field.name: unused for field in fields(Callables)}
    quiet = {
        "queries": Queries(),
        "broadcaster": EventBroadcaster(),
        "refused": dict,
        "monitors": None,
        "gate": gate(is_open=True),
    }
    return Callables(**{**named, **quiet, **given})
