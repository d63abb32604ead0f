"""The play of the doors: rows come by every way in while replicas are killed, paused and added."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pandas as pd

from service.core.rows.id_sums import IdSums
from tests.conftest import on_database
from tests.faults.replicas import doors as ways
from tests.faults.replicas import play as steps
from tests.faults.replicas.doors import Doors
from tests.faults.replicas.stage import Stage
from tests.service_process import Place

if TYPE_CHECKING:
    from pathlib import Path

    from service.store.embedded.server import EmbeddedServer
    from tests.faults.replicas.play import TakeOver
    from tests.kafka.broker import Broker

LEASE_SECONDS, CYCLE_SECONDS = 2.5, 0.5

# Those whose positions are elsewhere than in the inbox.
EDITED = "otlp"
WATCHED = ("kafka", "table", "files", "kserve")
READ = "SELECT monitor, position, rows FROM tidegauge.checkpoint"
ATTACHED = """
SELECT attached_labels_rows, attached_labels_ids, attached_labels_mixed
FROM tidegauge.inbox_audit WHERE monitor = 'table'
"""
SLOTS = """
SELECT monitor, (extract(epoch FROM slot) * 1000000)::bigint AS slot, outcome, slots
FROM tidegauge.cycle_log ORDER BY monitor, slot, id
"""


def lay_out(root: Path, *, brokers: str, topic: str) -> Place:
    """Make a folder with a reference, and the monitors of all ways in."""
    (root / "shared").mkdir(parents=True)
    reference = root / "shared/reference.csv"
    cells = {"size": [1.5, 2.5], "colour": ["red", "blue"], "guess": [2.5, 3.5], "truth": [9.0, 1.0]}
    pd.DataFrame({name: values * 100 for name, values in cells.items()}).to_csv(reference, index=False)
    ways.lay_out(root, reference, brokers=brokers, topic=topic)
    return Place(root)


async def play(
    folder: Path,
    broker: Broker,
    server: EmbeddedServer,
    url: str,
    pool: asyncpg.Pool,
    *,
    rounds: int = 1,
    lease_seconds: float = LEASE_SECONDS,
    pause_seconds: float = 2 * LEASE_SECONDS,
) -> tuple[list[TakeOver], dict[str, int]]:
    """Play it on an empty database of `server` and on a broker; return what took how long, and counts."""
    database = urlsplit(url).path.lstrip("/")
    place = lay_out(folder / "doors", brokers=broker.address, topic=database)
    admin = await asyncpg.connect(on_database(server.admin_dsn, database))
    stage = Stage(
        place,
        url,
        admin,
        pool,
        lease_seconds=lease_seconds,
        cycle_seconds=CYCLE_SECONDS,
        variables={"PLAY_TABLE_URL": url},
        is_apart=True,
    )
    table_url = on_database(server.admin_dsn, database)
    doors = Doors(stage, place.root / "in", broker.address, database, table_url)
    try:
        return await _run(stage, doors, rounds=rounds, pause_seconds=pause_seconds)
    finally:
        await stage.close()
        await admin.close()


async def _run(
    stage: Stage, doors: Doors, *, rounds: int, pause_seconds: float
) -> tuple[list[TakeOver], dict[str, int]]:
    """Play `rounds` take-overs, let all rows be measured, and stop; return what took how long, and counts."""
    patience = 60 + 10 * stage.lease_seconds
    await stage.prepare()
    await doors.prepare()
    logins = ["one", "two", "three"]
    for login in logins:
        await stage.start(login)
    await stage.until_shared_by(*logins, monitors=len(ways.SOURCES), within=patience)
    sending = asyncio.create_task(doors.work())
    found: list[TakeOver] = []
    try:
        await _each_measured(stage, 1, patience)
        await _cut(stage)
        for number in range(rounds):
            is_last = number == rounds - 1
            new = f"{number + 4}th"
            logins, taken = await _round(stage, logins, new, pause_seconds, patience, has_mount=not is_last)
            found += taken
            assert not sending.done(), sending.exception()
    finally:
        doors.enough.set()
        await sending
    await stage.until(lambda: _all_measured(stage, doors), within=patience, what="all rows measured")
    await _stopped(stage, logins)
    return found, await _checked(stage, doors)


async def _cut(stage: Stage) -> None:
    """End every session of every replica at once, as a failover does, in the middle of whatever they do."""
    await steps.remember_logins(stage)
    cut = await stage.admin.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE $1",
        f"{await stage.admin.fetchval('SELECT current_database()')}\\_%",
    )
    assert len(cut) >= len(stage.running)


def _edit(stage: Stage) -> None:
    """Change what a monitor's file says, and let the replicas that live look at it."""
    path = stage.place.root / f"monitors/{EDITED}.yaml"
    path.write_text(path.read_text() + "description: edited while replicas came and went\n")
    for process in stage.running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGHUP)


async def _round(
    stage: Stage, logins: list[str], new: str, pause_seconds: float, patience: float, *, has_mount: bool
) -> tuple[list[str], list[TakeOver]]:
    """Pause one replica, kill one and add one; return those that live at the end, and the take-overs.

    Without `has_mount` the new one has no folder of files, and must leave their monitor to others.
    """
    await steps.remember_logins(stage)
    held = await _held_by(stage)
    by_weight = sorted(logins, key=lambda login: -len(held[login] & {*WATCHED}))
    paused, killed, *_ = by_weight
    began = await stage.now()
    stage.running[paused].send_signal(signal.SIGSTOP)
    stage.running[killed].kill()
    if not has_mount:
        _edit(stage)
    await stage.start(new, has_mount=has_mount)
    taken = [
        await steps.taken_over(stage, f"{what}, {' and '.join(sorted(held[login]))}", login, began, patience)
        for what, login in (("killed", killed), ("paused", paused))
    ]
    left = [login for login in (*logins, new) if login not in {killed, paused}]
    await stage.until_shared_by(*left, monitors=len(ways.SOURCES), within=patience)
    await steps.remember_logins(stage)
    if not has_mount:
        await _check_hindered(stage, new)
    before = await _cycles(stage)
    await _each_measured(stage, 1 + min(before.values()), patience)

    async def long_enough() -> bool:
        return await stage.now() - began > pause_seconds

    await stage.until(long_enough, within=pause_seconds + 60, what="pause")
    stage.running[paused].send_signal(signal.SIGCONT)
    left.append(paused)
    await stage.until_shared_by(*left, monitors=len(ways.SOURCES), within=patience)
    before = await _cycles(stage)
    await _each_measured(stage, 1 + min(before.values()), patience)
    return left, taken


async def _held_by(stage: Stage) -> dict[str, set[str]]:
    rows = await stage.admin.fetch("SELECT monitor, replica FROM tidegauge.holders WHERE replica IS NOT NULL")
    logins = {process.pid: login for login, process in stage.running.items()}
    held = defaultdict[str, set[str]](set)
    for row in rows:
        held[logins[int(row["replica"].rpartition(":")[2])]].add(row["monitor"])
    return held


async def _check_hindered(stage: Stage, login: str) -> None:
    """Check that a replica without the folder of files says so, and leaves their monitor to another."""
    assert "files" not in (await _held_by(stage))[login]
    ((replica, monitor, reason),) = await stage.admin.fetch(
        "SELECT replica, monitor, reason FROM tidegauge.hindered_replicas"
    )
    assert (monitor, replica.rpartition(":")[2]) == ("files", str(stage.running[login].pid))
    assert reason == f"{stage.place.root / login / 'in'} is not there"
    assert '"event": "monitor left to others"' in stage.log(login)


async def _cycles(stage: Stage) -> dict[str, int]:
    rows = await stage.admin.fetch("SELECT monitor, cycle FROM tidegauge.checkpoint")
    return {row["monitor"]: row["cycle"] for row in rows}


async def _each_measured(stage: Stage, cycles: int, patience: float) -> None:
    async def all_have() -> bool:
        done = await _cycles(stage)
        return len(done) == len(ways.SOURCES) and min(done.values()) >= cycles

    await stage.until(all_have, within=patience, what=f"{cycles} cycles of every monitor")


async def _all_measured(stage: Stage, doors: Doors) -> bool:
    rows = {row["monitor"]: row["rows"] for row in await stage.admin.fetch(READ)}
    sent = {name: each.rows.rows for name, each in doors.sent.items()}
    sent["kserve"] //= 2  # a row has two events
    too_many = {name: (rows[name], count) for name, count in sent.items() if rows.get(name, 0) > count}
    assert not too_many, f"measured and sent: {too_many}"
    waiting = await stage.admin.fetchval(
        "SELECT (SELECT count(*) FROM tidegauge.inbox_batch) + (SELECT count(*) FROM tidegauge.inbox_label)"
        " + (SELECT count(*) FROM tidegauge.pending_row WHERE monitor = 'table')"
    )
    return rows == sent and not waiting


async def _stopped(stage: Stage, logins: list[str]) -> None:
    for login in logins:
        stage.running[login].send_signal(signal.SIGTERM)
    for login in logins:
        assert await asyncio.to_thread(stage.running[login].wait, 60) == 0, stage.log(login)
        assert "Traceback" not in stage.log(login), stage.log(login)


async def _checked(stage: Stage, doors: Doors) -> dict[str, int]:
    """Check what must be so at the end; return the counts of it."""
    record = stage.place.root / "sent.jsonl"
    # A label that is filled in before its row was read comes with it: which are labels, its writer cannot
    # know. That none is missing is known: no row of the table waits for one.
    attached = await stage.admin.fetchrow(ATTACHED)
    doors.sent["table"].labels = IdSums(*map(int, attached))
    doors.record(record)
    said = await asyncio.to_thread(
        stage.place.command, "audit", "--record", str(record), TIDEGAUGE_DATABASE_URL=stage.url
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("equal: nothing was lost") >= len(ways.SOURCES), said.stdout
    await _check_positions(stage, doors)
    return {
        "rows, each measured once by audit": sum(
            each.rows.rows // (2 if name == "kserve" else 1) for name, each in doors.sent.items()
        ),
        "labels": sum(each.labels.rows for each in doors.sent.values()),
        "writes, each by the holder": await steps.check_writers(stage.admin),
        "slots, each used once": await check_slots(stage.admin, stage.cycle_seconds),
    }


async def check_slots(admin: asyncpg.Connection, cycle_seconds: float) -> int:
    """Return how many slots there were; each was used once, by a cycle or on record as skipped."""
    step, used = round(cycle_seconds * 1e6), defaultdict[str, list[int]](list)
    for row in await admin.fetch(SLOTS):
        used[row["monitor"]] += [row["slot"] - back * step for back in range(row["slots"])]
    for monitor, slots in used.items():
        slots.sort()
        gaps = {later - earlier for earlier, later in pairwise(slots)}
        # An edit begins a grid of its own, at once.
        is_right = min(gaps) > 0 and max(gaps) <= step if monitor == EDITED else gaps <= {step}
        assert is_right, (monitor, gaps, slots)
    return sum(map(len, used.values()))


async def _check_positions(stage: Stage, doors: Doors) -> None:
    """Each position is the one behind the rows that were measured."""
    positions = {row["monitor"]: row["position"] for row in await stage.admin.fetch(READ)}
    stored = {name: json.loads(each) if isinstance(each, str) else each for name, each in positions.items()}
    offsets = stored["kafka"]["offsets"]
    assert sum(offsets.values()) == doors.sent["kafka"].rows.rows, offsets
    assert stored["table"]["target"] is None, stored["table"]
    files = await stage.admin.fetch("SELECT is_whole FROM tidegauge.taken_file WHERE monitor = 'files'")
    assert all(row["is_whole"] for row in files)
    assert len(files) == doors.sent["files"].rows.rows // ways.ROWS
    assert await stage.admin.fetchval("SELECT count(*) FROM tidegauge.inbox_half") == 0
