"""Answer 404 where a path names a monitor that does not exist, 422 where a query has an unknown parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Depends, HTTPException, Request
from fastapi.routing import APIRoute

from service.api.access.visible import names_for, unknown_monitor
from service.status.known_names import advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant

    from service.api.ports import MonitorQueries


def _known_parameters(request: Request) -> None:
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = set(_parameters(route.dependant))
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        message = f"no such parameter: {unknown!r}{advice(unknown, known)}"
        place = ["query", unknown]
        raise HTTPException(422, [{"type": "unknown_parameter", "loc": place, "msg": message}])


def _parameters(of: Dependant) -> Iterator[str]:
    yield from (field.alias for field in of.query_params)
    for below in of.dependencies:
        yield from _parameters(below)


# A misspelt filter would filter nothing, and everything would be the answer.
known_parameters = Depends(_known_parameters)


def known_name(queries: MonitorQueries) -> Any:
    """Return the dependency of routes with `{name}` in their path."""

    def known(name: str, request: Request) -> None:
        names = names_for(request.scope, queries)
        if name not in names:
            raise unknown_monitor(name, names)

    return Depends(known)
