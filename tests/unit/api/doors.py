"""What the door opens on, where a test needs a part of it only."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from service.api.ports import Callables
from service.status.live_feed import EventBroadcaster


def callables(**given: Any) -> Callables:
    """Fill in what is not given: no monitor, an empty feed, and callables that must not be called."""

    async def unused(*_: Any, **__: Any) -> Any:
        raise AssertionError("not asked for")

    named: dict[str, Any] = {field.name: unused for field in fields(Callables)}
    return Callables(**{**named, "monitors": list, "feed": EventBroadcaster(), **given})
