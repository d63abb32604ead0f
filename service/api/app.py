"""The HTTP door: which paths exist. Handlers get callables, never a pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  # FastAPI reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Query, Response
from fastapi.responses import PlainTextResponse

from service import __version__
from service.api.report_routes import report_routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work, and what stands in its way."""

    ready: bool
    checks: dict[str, str]


@dataclass(frozen=True, slots=True)
class Callables:
    """What the door opens on; the composition root fills it in."""

    monitors: Callable[[], list[dict[str, Any]]]
    readiness: Callable[[], Awaitable[Readiness]]
    measurements: Callable[..., Awaitable[list[dict[str, Any]]]]
    scrape: Callable[[str], Awaitable[tuple[bytes, str]]]
    windows: Callable[[str, int], Awaitable[list[Any]]]
    report: Callable[[str, int], Awaitable[str]]


def build(callables: Callables) -> FastAPI:
    """Return the application: `/healthz`, `/readyz`, `/metrics`, `/v1/monitors` and a monitor's metrics."""
    app = FastAPI(title="Tidegauge", version=__version__)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the process is alive: the event loop answers."""
        return {"status": "alive", "version": __version__}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, Any]:
        """Say whether the database answers, the schema is current and every monitor's cycles run."""
        found = await callables.readiness()
        response.status_code = 200 if found.ready else 503
        return {"ready": found.ready, "checks": found.checks}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def scrape(accept: Annotated[str, Header()] = "") -> Response:
        """Give Prometheus the cycles' health and each monitor's latest window."""
        body, content_type = await callables.scrape(accept)
        return Response(body, headers={"content-type": content_type})

    @app.get("/v1/monitors")
    async def monitors() -> list[dict[str, Any]]:
        """List the monitors and how their cycles go."""
        return callables.monitors()

    @app.get("/v1/monitors/{name}/metrics")
    async def metrics(
        name: str,
        *,
        aspect: str | None = None,
        column: str | None = None,
        metric: str | None = None,
        since: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 1_000,
    ) -> list[dict[str, Any]]:
        """Return a monitor's newest measurements, oldest first; of the last day without `since`."""
        if name not in {monitor["name"] for monitor in callables.monitors()}:
            raise HTTPException(404, f"no monitor is named {name!r}")
        return await callables.measurements(
            monitor=name, aspect=aspect, column=column, metric=metric, since=since, limit=limit
        )

    app.include_router(report_routes(callables.monitors, callables.windows, callables.report))
    return app
