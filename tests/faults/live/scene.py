"""One run: a service behind a proxy, a sender that keeps a record, and what came of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx

from service.commands.audit import lines_of, read_record, sums_in
from service.core.inbox import BatchKind
from service.inbox.spool_account import spooled
from service.store.tables.inbox import audit
from tests.faults.live.running import Service, Zygote
from tests.faults.live.scenario import NAME, Request, lay_out_monitor
from tests.integration.inbox.proxy import Proxy, proxied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

PATIENCE_SECONDS = 90.0
AGAIN = {408, 429, 500, 502, 503, 504}

# When it was computed, how often, and what the clock says of rows, differ between two runs.
_METRICS = """
SELECT to_jsonb(m) - 'computed_at' - 'revision' AS line FROM tidegauge.metrics m
WHERE monitor = $1 AND aspect <> 'health'
  AND metric NOT IN ('freshness_seconds', 'unmatched_label_share')
"""
_TABLES = {
    "metrics": _METRICS,
    "panes": "SELECT jsonb_build_array(key, rows, ids, mixed) AS line FROM tidegauge.pane WHERE monitor = $1",
    "rows without label": "SELECT jsonb_build_array(identity, pane, event_time) AS line "
    "FROM tidegauge.pending_row WHERE monitor = $1",
    "labels ahead": "SELECT jsonb_build_array(identity, content) AS line "
    "FROM tidegauge.inbox_label WHERE monitor = $1",
    "rejects": """SELECT jsonb_build_array(reason, "row" - 'labelled_at') AS line
    FROM tidegauge.rejected_row WHERE monitor = $1""",
}
_LEFT = """
SELECT (SELECT count(*) FROM tidegauge.inbox_batch) + coalesce((SELECT
    jsonb_array_length(labelling -> 'again') FROM tidegauge.checkpoint WHERE monitor = $1), 0)
"""


@dataclass(frozen=True)
class Outcome:
    """What a run came to: the tables, without what differs between any two runs, and the audit."""

    tables: dict[str, list[str]]
    audit: list[str]
    is_green: bool

    def differences(self, expected: Outcome) -> list[str]:
        """Return in what it differs from the outcome of an undisturbed run, and whether the audit is red."""
        found = [] if self.is_green else ["the audit is red", *self.audit]
        for name, lines in expected.tables.items():
            own = self.tables[name]
            if own != lines:
                more, less = _extra(own, lines), _extra(lines, own)
                found.append(f"{name}: {len(own)} lines, not {len(lines)}; {more[:3]} instead of {less[:3]}")
        return found


def _extra(these: list[str], others: list[str]) -> list[str]:
    left = list(others)
    found = []
    for each in these:
        if each in left:
            left.remove(each)
        else:
            found.append(each)
    return found


@dataclass
class Scene:
    """A run under way.

    - `service`, `proxy`: the service, and what lies between it and its database
    - `pool`: a way to the database that no fault concerns
    - `client`: what requests are sent with
    - `kills`: how often the service was killed at a statement
    - `phase`: what happens now, for those who watch statements
    - `patience`: for how many seconds a request is sent again, or what waits is waited for
    - `statuses`: how often which answer came
    - `turn`: of whoever kills the service
    """

    service: Service
    proxy: Proxy
    pool: asyncpg.Pool
    client: httpx.AsyncClient
    folder: Path
    kills: int = 0
    phase: str = "start"
    patience: float = PATIENCE_SECONDS
    statuses: dict[str, int] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def record(self) -> Path:
        """The sender's own record."""
        return self.folder / "sent.jsonl"

    async def send(self, requests: Iterable[Request], phase: str, *, rate: float = 0.0) -> None:
        """Send requests one after the other, each until it is acknowledged."""
        for number, request in enumerate(requests):
            self.phase = f"{phase} {number}"
            await self._send(request)
            if rate:
                await asyncio.sleep(1 / rate)

    async def _send(self, request: Request) -> None:
        headers = {"content-type": "application/json", "idempotency-key": request.key}
        async with asyncio.timeout(self.patience):
            while True:
                url = f"http://127.0.0.1:{self.service.port}/v1/monitors/{NAME}/{request.what}"
                try:
                    answer = await self.client.post(url, content=request.body, headers=headers)
                except httpx.TransportError as error:
                    self._count(type(error).__name__)
                    await asyncio.sleep(0.02)
                    continue
                self._count(str(answer.status_code))
                if answer.status_code == httpx.codes.ACCEPTED:
                    with self.record.open("a") as file:
                        file.write(request.recorded())
                    return
                # Until its monitors are loaded a service knows none.
                if answer.status_code not in AGAIN | {404, 409}:
                    raise AssertionError(f"{request.key}: {answer.status_code} {answer.text}")
                await asyncio.sleep(0.05)

    def _count(self, status: str) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1

    async def settled(self, phase: str) -> None:
        """Wait until nothing waits, neither in the inbox nor on the disk."""
        self.phase = phase
        async with asyncio.timeout(self.patience):
            while True:
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                    if not self.files and not await self.pool.fetchval(_LEFT, NAME, timeout=10):
                        return
                if not self.service.is_running() and not self.proxy.stopped.is_set() and self.service.pid:
                    raise AssertionError(f"the service has ended:\n{self.service.log[-3_000:]}")
                await asyncio.sleep(0.02)

    async def restart(self) -> None:
        """Kill the service and start it again, unless that is done already."""
        async with self.turn:
            await self.service.restart()

    @property
    def files(self) -> list[Path]:
        """The files of the spool."""
        return list((self.folder / "data/inbox").glob("*/*.rows"))

    async def outcome(self) -> Outcome:
        """Return what the run came to."""
        tables = {}
        for name, statement in _TABLES.items():
            tables[name] = sorted(row["line"] for row in await self.pool.fetch(statement, NAME))
        on_disk, troubles = spooled(self.folder / "data/inbox", sums_in)
        account = await audit.read(self.pool, NAME, sums_in, on_disk)
        sent = read_record(self.record)
        lines, agrees = lines_of(NAME, account, sent)
        is_green = agrees and not troubles and sent[NAME, BatchKind.ROWS].rows > 0
        return Outcome(tables, [*lines, *troubles], is_green)


@asynccontextmanager
async def scene(
    forks: Zygote,
    folder: Path,
    url: str,
    *,
    limits: list[tuple[int, int]] | None = None,
    **variables: str,
) -> AsyncIterator[Scene]:
    """Start a service on a database, behind a proxy; it is restarted wherever the proxy stops."""
    lay_out_monitor(folder)
    async with proxied(url) as (proxy, through):
        settings = {"TIDEGAUGE_CYCLE_SECONDS": "0.3", **variables}
        service = Service(forks, folder, through, settings, limits or [])
        pool = await asyncpg.create_pool(url, min_size=1, max_size=2)
        client = httpx.AsyncClient(timeout=30, trust_env=False)
        found = Scene(service, proxy, pool, client, folder)
        killer = asyncio.create_task(_kill_where_it_stops(found))
        try:
            await service.start()
            yield found
            assert not killer.done(), killer.exception()
        finally:
            killer.cancel()
            await asyncio.gather(killer, return_exceptions=True)  # it may be about to end the service itself
            await service.end()
            await client.aclose()
            pool.terminate()


async def _kill_where_it_stops(running: Scene) -> None:
    while True:
        await running.proxy.stopped.wait()
        async with running.turn:
            await running.service.end()
            running.kills += 1
            running.proxy.open()
            await running.service.start()


def shown(lines: Iterable[Any]) -> str:
    """Return lines as one text."""
    return "\n".join(str(line) for line in lines)
