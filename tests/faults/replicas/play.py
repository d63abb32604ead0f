"""The play: three replicas, one killed, one added, one paused and continued, and what must be so then."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import count, pairwise

import asyncpg
import httpx

from tests.faults.replicas.stage import Stage
from tests.service_process import Place

METRICS = """
SELECT monitor, window_start, window_end, revision, aspect, column_name, segment, metric, definition, value,
    threshold, breached, rows, reason
FROM tidegauge.metrics_history WHERE aspect <> 'health' AND monitor <> 'sent'
ORDER BY monitor, window_start, window_end, revision, aspect, column_name, segment, metric, definition
"""

# The replica that a writer logged in as is the one that held the lease at every write.
FOREIGN = """
SELECT w.writer, w.relation, w.monitor, w.at, w.holder, w.fence FROM witness.written w
WHERE NOT w.under_lease OR NOT EXISTS (
    SELECT FROM witness.login l WHERE l.writer = w.writer AND l.replica = w.holder
) ORDER BY w.at
"""


@dataclass(frozen=True)
class TakeOver:
    """How long it took until others held all of a replica's monitors."""

    what: str
    seconds: float
    lease_times: float


async def play(stage: Stage, *, monitors: int, pause_seconds: float) -> list[TakeOver]:
    """Run the play and stop cleanly; return how long take-overs took. Rows are sent to one more monitor."""
    monitors += 1
    patience = 60 + 10 * stage.lease_seconds
    await stage.prepare()
    for login in ("one", "two", "three"):
        await stage.start(login)
    await stage.until_shared_by("one", "two", "three", monitors=monitors, within=patience)
    await remember_logins(stage)
    found: list[TakeOver] = []
    sender = Sender(stage)
    sending = asyncio.create_task(sender.work())

    began = await stage.now()
    stage.running["one"].kill()
    stage.running["two"].send_signal(signal.SIGSTOP)
    await stage.start("four")
    found += [
        await taken_over(stage, "killed", "one", began, patience),
        await taken_over(stage, "paused", "two", began, patience),
    ]
    await stage.until_shared_by("three", "four", monitors=monitors, within=patience)
    await remember_logins(stage)

    async def long_enough() -> bool:
        return await stage.now() - began > pause_seconds

    await stage.until(long_enough, within=pause_seconds + 60, what="pause")
    stage.running["two"].send_signal(signal.SIGCONT)
    await stage.until_shared_by("two", "three", "four", monitors=monitors, within=patience)
    assert '"event": "lease lost"' in stage.log("two"), stage.log("two")

    async def ended() -> bool:
        done: int = await stage.admin.fetchval("SELECT count(*) FROM tidegauge.checkpoint WHERE ended")
        return done == monitors - 1

    await stage.until(ended, within=600, what="every replay at its end")
    sender.enough.set()
    await sending

    async def counted() -> bool:
        rows: int = await stage.admin.fetchval("SELECT rows FROM tidegauge.checkpoint WHERE monitor = 'sent'")
        assert rows <= sender.accepted
        return rows == sender.accepted

    await stage.until(counted, within=patience, what=f"{sender.accepted} rows that were sent")
    assert len(sender.takers) > 1, "any replica takes rows for any monitor"
    for login in ("two", "three", "four"):
        stage.running[login].send_signal(signal.SIGTERM)
    for login in ("two", "three", "four"):
        assert stage.running[login].wait(60) == 0, stage.log(login)
        assert "Traceback" not in stage.log(login)
    assert await stage.admin.fetchval("SELECT count(*) FROM tidegauge.lease WHERE holder IS NOT NULL") == 0
    assert (
        await stage.admin.fetchval(
            "SELECT count(*) FROM tidegauge.replica WHERE name !~ $1", f":{stage.running['one'].pid}$"
        )
        == 0
    )
    return found


class Sender:
    """Sends rows to one replica after the other, each until one of them has accepted it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.enough = asyncio.Event()
        self.accepted = 0
        self.takers: set[str] = set()

    async def work(self) -> None:
        async with httpx.AsyncClient(timeout=2) as client:
            for number in count():
                if self.enough.is_set():
                    return
                await self._send(client, number)
                await asyncio.sleep(0.1)

    async def _send(self, client: httpx.AsyncClient, number: int) -> None:
        rows = [{"at": f"2026-01-01T00:00:{at:02}Z", "size": 1.5, "colour": "red"} for at in range(10)]
        for turn in count(number):
            alive = await self._stage.pool.fetch(
                "SELECT name, address FROM tidegauge.replicas WHERE address <> '' ORDER BY name"
            )
            if not alive:
                continue
            replica = alive[turn % len(alive)]
            try:
                answer = await client.post(
                    f"{replica['address']}/v1/monitors/sent/rows",
                    json=rows,
                    headers={"Idempotency-Key": f"key-{number}"},
                )
            except httpx.HTTPError:  # it died, or is paused
                continue
            if answer.status_code == 202:
                self.accepted += len(rows)
                self.takers.add(replica["name"])
                return
            assert answer.status_code == 503, answer.text


async def remember_logins(stage: Stage) -> None:
    # A session's backend does not say whose process it is; the replica's name ends in its process id.
    await stage.admin.execute(
        "CREATE TABLE IF NOT EXISTS witness.login (writer text, replica text, PRIMARY KEY (writer, replica))"
    )
    database = await stage.admin.fetchval("SELECT current_database()")
    for login, process in stage.running.items():
        await stage.admin.execute(
            "INSERT INTO witness.login SELECT $1, id FROM tidegauge.replica WHERE name LIKE '%:' || $2 "
            "ON CONFLICT DO NOTHING",
            f"{database}_{login}",
            str(process.pid),
        )


async def taken_over(stage: Stage, what: str, login: str, since: float, patience: float) -> TakeOver:
    async def nobody() -> bool:
        others = await stage.admin.fetchval(
            "SELECT count(*) FROM tidegauge.lease l LEFT JOIN tidegauge.replica r ON r.id = l.holder "
            "WHERE r.id IS NULL OR r.expires_at < clock_timestamp() OR r.name LIKE '%:' || $1",
            str(stage.running[login].pid),
        )
        return others == 0

    await stage.until(nobody, within=patience, what=f"take-over from {login}")
    seconds = await stage.now() - since
    return TakeOver(what, seconds, seconds / stage.lease_seconds)


async def check_writers(admin: asyncpg.Connection) -> int:
    """Return how many writes there were; each was done by the replica that held the monitor's lease."""
    foreign = await admin.fetch(FOREIGN)
    assert not foreign, [dict(row) for row in foreign[:5]]
    written: int = await admin.fetchval("SELECT count(*) FROM witness.written")
    return written


async def check_slots(admin: asyncpg.Connection, cycle_seconds: float) -> int:
    """Return how many slots there were; each was used once: measured, or on record as failed or skipped.

    Where a source has ended, whoever takes the monitor over finds that out once more, at its own time.
    """
    rows = await admin.fetch(
        "SELECT monitor, (extract(epoch FROM slot) * 1000000)::bigint AS slot, outcome, slots "
        "FROM tidegauge.cycle_log c WHERE started_at <= (SELECT min(e.recorded_at) FROM tidegauge.event e "
        "WHERE e.monitor = c.monitor AND e.kind = 'ended') ORDER BY monitor, slot, id"
    )
    step, used = round(cycle_seconds * 1e6), defaultdict(list)
    for row in rows:
        used[row["monitor"]] += [row["slot"] - back * step for back in range(row["slots"])]
    for monitor, slots in used.items():
        slots.sort()
        steps = {later - earlier for earlier, later in pairwise(slots)}
        assert steps <= {step}, (monitor, steps, slots)
    return sum(map(len, used.values()))


async def check_same_metrics(disturbed: asyncpg.Connection, straight: asyncpg.Connection) -> int:
    """Return how many measurements there are: the same ones as of one replica that nothing disturbed."""
    own, other = await disturbed.fetch(METRICS), await straight.fetch(METRICS)
    assert [tuple(row) for row in own] == [tuple(row) for row in other]
    assert {row["revision"] for row in own} == {1}
    return len(own)


def run_straight(place: Place, url: str) -> None:
    """Run the same monitors to their ends with one replica that nothing disturbs."""
    done = subprocess.run(
        [sys.executable, "-m", "service", "run", "--max-cycles", "100"],
        env={
            **place.environment,
            "TIDEGAUGE_DATABASE_URL": url,
            "TIDEGAUGE_MONITORS_DIR": str(place.root / "replays"),
            "TIDEGAUGE_REPORTS_KEPT": "0",
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
