"""The path of what comes in from a monitor's source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from service.api.models import IntakeState
from service.api.routes.dependencies import known_name

if TYPE_CHECKING:
    from service.api.ports import Callables
    from service.core import read_models


def intake_routes(callables: Callables) -> APIRouter:
    """Return the path `/v1/monitors/{name}/intake`; a name that no monitor has is not found."""
    queries = callables.queries
    router = APIRouter(prefix="/v1/monitors/{name}", dependencies=[known_name(queries)], tags=["monitors"])

    @router.get("/intake", response_model=IntakeState)
    async def intake(name: str) -> read_models.IntakeState:
        """Return what comes in from a monitor's source: lag, backlog, repeated rows, refused rows and why."""
        return await queries.intake(name)

    return router
