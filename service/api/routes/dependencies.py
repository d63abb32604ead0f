"""Answer 404 where a path names a monitor that does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Depends, Request

from service.api.access.visible import names_for, unknown_monitor

if TYPE_CHECKING:
    from service.api.ports import MonitorQueries


def known_name(queries: MonitorQueries) -> Any:
    """Return the dependency of routes with `{name}` in their path."""

    def known(name: str, request: Request) -> None:
        names = names_for(request.scope, queries)
        if name not in names:
            raise unknown_monitor(name, names)

    return Depends(known)
