"""Build the HTTP API: which paths exist. Handlers get callables, never a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse

from service import __version__
from service.api.access.middleware import AskGate
from service.api.access.openapi import GuardedApi
from service.api.access.visible import names_for, readiness_for, visible_to
from service.api.head import HeadAsGet
from service.api.models import RefusedFile
from service.api.routes.events import event_routes
from service.api.routes.intake import intake_routes
from service.api.routes.logs import log_routes
from service.api.routes.monitors import monitor_routes
from service.api.routes.overview import overview_routes
from service.api.routes.reports import report_routes
from service.api.routes.rows import row_routes
from service.api.routes.sent_monitors import sent_monitor_routes
from service.api.routes.sign_in import sign_in_routes
from service.api.routes.stream import stream_routes
from service.api.rows_door import open_doors
from service.api.static_page import DOCS_FOLDER, HEADERS, Page
from service.api.unknown_paths import answer_unknown_paths
from service.errors import StoreError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from service.api.ports import Callables


GZIP_FROM_BYTES, GZIP_LEVEL = 1_000, 5


def build(callables: Callables) -> FastAPI:
    """Return the application: health, `/metrics`, the API under `/v1`, and the live page at `/`."""
    # FastAPI's own documentation pages load their scripts from another host.
    app = GuardedApi(title="Tidegauge", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(HeadAsGet)
    app.add_middleware(AskGate, gate=callables.gate)  # the last is the first to see a request

    answer_unknown_paths(app, callables.queries)
    open_doors(app, callables.intake, callables.queries)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Return that the process is alive: the event loop answers."""
        return {"status": "alive", "version": __version__}

    @app.get("/readyz")
    async def readyz(request: Request, response: Response) -> dict[str, Any]:
        """Return whether the database answers, the schema is current and every monitor's cycles run.

        Those of other replicas are listed by holder, and only missed where no replica has them. A token that
        is for some monitors gets the names of these alone.
        """
        found = readiness_for(request.scope, await callables.readiness())
        response.status_code = 200 if found.ready else 503
        return {"ready": found.ready, "checks": found.checks, "replicas": found.replicas}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def scrape(request: Request, accept: Annotated[str, Header()] = "") -> Response:
        """Return the cycles' health and each monitor's latest window for Prometheus."""
        body, content_type = await callables.scrape(accept, visible_to(request.scope))
        return Response(body, headers={"content-type": content_type})

    @app.get("/v1/files/refused", tags=["monitors"])
    async def refused_files(request: Request) -> list[RefusedFile]:
        """List the monitor files that are not used as they are now, and why."""
        running = names_for(request.scope, callables.queries)
        visible = visible_to(request.scope)
        return [
            RefusedFile(name=name, reason=reason, runs=name in running)
            for name, reason in callables.refused().items()
            if visible is None or name in visible
        ]

    @app.exception_handler(StoreError)
    async def database_unavailable(_: Request, error: StoreError) -> JSONResponse:
        """Answer 503: the database did not answer, the service is not broken."""
        return JSONResponse({"detail": str(error)}, 503)

    app.include_router(overview_routes(callables))
    app.include_router(row_routes(callables.intake))
    app.include_router(event_routes(callables.intake, callables.queries))
    app.include_router(log_routes(callables.intake, callables.queries))
    app.include_router(sent_monitor_routes(callables.monitors))
    app.include_router(report_routes(callables))
    app.include_router(monitor_routes(callables))
    app.include_router(intake_routes(callables))
    app.include_router(stream_routes(callables.broadcaster))
    app.include_router(sign_in_routes(callables.gate))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        """Return the page that draws `/openapi.json`."""
        return FileResponse(DOCS_FOLDER / "docs.html", headers=HEADERS)

    app.mount("/docs", Page(DOCS_FOLDER), name="docs")
    app.mount("/", Page(), name="page")  # last: it answers every path that none above does
    return app
