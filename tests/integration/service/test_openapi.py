"""The API answers as its OpenAPI document says, and to what the document does not allow as well.

schemathesis makes the requests; EXAMPLES says how many for each path, valid and invalid ones each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from service.access.gate import Gate
from service.access.secret import digest_of, new_token
from service.api.app import build
from service.api.ports import Readiness
from service.api.server import serving
from service.core.access import Grant, Scope, Token
from service.core.report_status import ReportState, ReportStatus
from service.errors import ReportError
from service.status.queries import StatusQueries
from service.store.tables import window_run
from tests.integration.inbox.live import living, rows
from tests.seeded_page import job
from tests.unit.api.doors import callables, gate

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))
ENDLESS = "/v1/stream"
IGNORED = {
    # Rows are valid where a monitor watches one of their columns, which the document cannot say.
    "positive_data_acceptance",
    # A query that is not known is ignored, as is one that is given twice.
    "negative_data_rejection",
}


@asynccontextmanager
async def _served(pool: asyncpg.Pool, folder: Path, admitting: Gate) -> AsyncIterator[str]:
    """Serve every path on a monitor that has been measured; yields the address."""

    async def scrape(*_: object) -> tuple[bytes, str]:
        return b"up 1\n", "text/plain; version=0.0.4; charset=utf-8"

    async def ready() -> Readiness:
        return Readiness(ready=True, checks={})

    async def status(monitor: str, window: int | None, _: Any) -> ReportStatus:
        return ReportStatus(ReportState.POSSIBLE, await window_run.find(pool, monitor, window))

    async def report(_: str, window: int) -> str:
        raise ReportError(f"no window {window}")

    async with living(pool, folder) as live:
        for minute in (1, 2, 3):
            await live.send(rows("abcdef", minute))
        await live.run()
        jobs = {"toy": job("toy")}
        app = build(
            callables(
                queries=StatusQueries(pool, jobs, {"toy": "a toy"}, {"toy": ("size", "colour")}, {}),
                intake=live.intake,
                gate=admitting,
                readiness=ready,
                scrape=scrape,
                windows=partial(window_run.newest, pool),
                report=report,
                report_status=status,
                monitors=None,
            )
        )
        async with serving(app, host="127.0.0.1", port=0) as address:
            yield address


def _call_all(address: str, headers: dict[str, str]) -> list[str]:
    """Call every path; return what was wrong."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json", headers=headers)
    wrong = []
    chosen = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ not in IGNORED]
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == ENDLESS:
            continue
        for mode in GenerationMode:
            try:
                _call(operation, mode, chosen, headers)
            except Unsatisfiable:
                continue  # a path without parameters, of which none can be wrong
            except BaseExceptionGroup as error:
                wrong.append(f"{operation.method} {operation.path} {mode}: {error}")
    return wrong


def _call(operation: Any, mode: GenerationMode, checks: list[Any], headers: dict[str, str]) -> None:
    named = {"name": "toy", "column": "size"}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def call(case: Any) -> None:
        for name, value in named.items():  # half of them: a monitor that there is
            if name in (case.path_parameters or {}) and hash(str(case.query)) % 2:
                case.path_parameters[name] = value
        case.call_and_validate(checks=checks, headers=headers, timeout=20)

    call()


async def test_every_path_answers_as_the_document_says(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """No 500, no status, type or body that is not documented, whatever is asked."""
    own, secret = new_token()
    closed = gate()
    closed.tokens.replace([Token(own, digest_of(secret), Grant(frozenset(Scope)))])
    async with _served(pool, tmp_path, closed) as address:
        wrong = await asyncio.to_thread(_call_all, address, {"Authorization": f"Bearer {secret}"})
    assert not wrong, "\n\n".join(wrong)
