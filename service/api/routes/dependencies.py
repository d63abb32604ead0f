"""Answer 404 where a path names a monitor that does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Depends, HTTPException

from service.status.known_names import advice

if TYPE_CHECKING:
    from service.api.ports import MonitorQueries


def known_name(queries: MonitorQueries) -> Any:
    """Return the dependency of routes with `{name}` in their path."""

    def known(name: str) -> None:
        names = {monitor.name for monitor in queries.monitors()}
        if name not in names:
            raise HTTPException(404, f"no monitor is named {name!r}{advice(name, names)}")

    return Depends(known)
