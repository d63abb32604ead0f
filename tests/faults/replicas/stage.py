"""Replicas as processes over one database, each with a login of its own: the database knows who writes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import numpy as np

from tests.service_process import Place, rows

# Every write of a cycle and every change of a lease, with the session's login, noted by the database.
WITNESS = """
CREATE SCHEMA witness;
CREATE TABLE witness.written (
    at timestamptz NOT NULL DEFAULT clock_timestamp(), writer text NOT NULL DEFAULT session_user,
    relation text NOT NULL, monitor text NOT NULL, fence bigint, holder text,
    under_lease boolean NOT NULL DEFAULT current_setting('idle_in_transaction_session_timeout') <> '0'
);
CREATE TABLE witness.changed (
    at timestamptz NOT NULL DEFAULT clock_timestamp(), monitor text NOT NULL, holder text, fence bigint
);
CREATE FUNCTION witness.write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness.written (relation, monitor, fence, holder)
    SELECT TG_TABLE_NAME, NEW.monitor, l.fence, l.holder FROM (VALUES (1)) one
    LEFT JOIN tidegauge.lease l ON l.monitor = NEW.monitor;
    RETURN NULL;
END $$;
CREATE FUNCTION witness.change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness.changed (monitor, holder, fence) VALUES (NEW.monitor, NEW.holder, NEW.fence);
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE ON tidegauge.lease
    FOR EACH ROW EXECUTE FUNCTION witness.change();
GRANT USAGE ON SCHEMA witness TO tidegauge;
GRANT ALL ON ALL TABLES IN SCHEMA witness TO tidegauge;
"""
WATCHED = ("checkpoint", "cycle_log", "window_run", "pane", "event", "series", "story")

MONITOR = """\
source: {{type: replay, path: "{{data_dir}}/rows{half}.csv", timestamp: at, step: 1d}}
reference: {{path: "{{data_dir}}/reference.csv"}}
columns: {{size: numerical, colour: categorical, guess: numerical, truth: numerical}}
prediction: guess
target: truth
window: {{size: 3d, hop: 1d, min_rows: 20}}
drift: {{methods: [ks], thresholds: evidently}}
sample_rows: 0
"""


SENT = """\
source: {type: http, timestamp: at}
reference: {path: "{data_dir}/reference.csv"}
columns: {size: numerical, colour: categorical}
window: {size: 1d, hop: 1d, min_rows: 20}
sample_rows: 0
"""


def lay_out(root: Path, *, monitors: int, days: int) -> Place:
    """Make a folder with two replays, many monitors of them, and one that rows are sent to."""
    for name in ("data", "monitors", "replays"):
        (root / name).mkdir(parents=True)
    random = np.random.default_rng(11)
    for half in (0, 1):
        rows(random, days * 30, days).to_csv(root / f"data/rows{half}.csv", index=False)
    rows(random, 600, 30).to_csv(root / "data/reference.csv", index=False)
    for number in range(monitors):
        for folder in ("monitors", "replays"):
            (root / f"{folder}/m{number:02}.yaml").write_text(MONITOR.format(half=number % 2))
    (root / "monitors/sent.yaml").write_text(SENT)
    return Place(root)


@dataclass
class Stage:
    """Replicas over one database, each with a login that the database knows it by.

    - `place`: the folder with their monitor files
    - `url`: the database's, of the owner
    - `admin`, `pool`: connections of a superuser and of the owner
    - `lease_seconds`, `cycle_seconds`: of every replica
    - `variables`: more of every replica's environment
    - `is_apart`: whether each has a data folder of its own, as on a machine of its own
    - `running`: the processes, by login
    """

    place: Place
    url: str
    admin: asyncpg.Connection
    pool: asyncpg.Pool
    lease_seconds: float
    cycle_seconds: float
    variables: dict[str, str] = field(default_factory=dict)
    is_apart: bool = False
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    async def prepare(self) -> None:
        """Let the database witness who writes."""
        await self.admin.execute(WITNESS)
        for relation in WATCHED:
            await self.admin.execute(
                f"CREATE TRIGGER witness AFTER INSERT OR UPDATE ON tidegauge.{relation} "
                "FOR EACH ROW EXECUTE FUNCTION witness.write()"
            )

    async def start(self, login: str, *, has_mount: bool = True) -> None:
        """Start a replica that logs in as `login`; its log is a file of that name.

        With `has_mount` the folder `in` of the place is below its own data folder as well.
        """
        database = urlsplit(self.url).path.lstrip("/")
        role = f"{database}_{login}"
        if not await self.admin.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", role):
            await self.admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'replica' IN ROLE tidegauge")
            await self.admin.execute(f"ALTER ROLE {role} SET role TO tidegauge")
        parts = urlsplit(self.url)
        url = parts._replace(netloc=f"{role}:replica@{parts.hostname}:{parts.port}").geturl()
        own = {"TIDEGAUGE_DATA_DIR": str(self.place.root / login)} if self.is_apart else {}
        if self.is_apart and has_mount:
            (self.place.root / login).mkdir(exist_ok=True)
            (self.place.root / login / "in").symlink_to(self.place.root / "in")
        with (self.place.root / f"{login}.log").open("a") as log:
            self.running[login] = subprocess.Popen(  # noqa: ASYNC220  # returns at once
                [sys.executable, "-m", "service", "run"],
                env={
                    **self.place.environment,
                    "TIDEGAUGE_DATABASE_URL": url,
                    "TIDEGAUGE_LEASE_SECONDS": str(self.lease_seconds),
                    "TIDEGAUGE_CYCLE_SECONDS": str(self.cycle_seconds),
                    "TIDEGAUGE_REPORTS_KEPT": "0",
                    **own,
                    **self.variables,
                },
                stderr=log,
                text=True,
            )

    def log(self, login: str) -> str:
        """Return what a replica has logged."""
        return (self.place.root / f"{login}.log").read_text()

    async def held(self) -> Counter[str]:
        """Return how many monitors each live replica holds, by its login."""
        rows = await self.admin.fetch("SELECT replica FROM tidegauge.holders WHERE replica IS NOT NULL")
        logins = {process.pid: login for login, process in self.running.items()}
        return Counter(logins[int(row["replica"].rpartition(":")[2])] for row in rows)

    async def now(self) -> float:
        """Return the database's clock, in seconds."""
        seconds: float = await self.admin.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
        return seconds

    async def until(self, done: Callable[[], Awaitable[bool]], *, within: float, what: str) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + within
        while not await done():
            ended = [login for login, process in self.running.items() if process.poll() not in {None, -9}]
            assert not ended, f"{ended} ended:\n{self.log(ended[0])}"
            assert time.monotonic() < deadline, f"{what}: not within {within:.0f} s; {await self.held()}"
            await asyncio.sleep(0.05)

    async def until_shared_by(self, *logins: str, monitors: int, within: float) -> None:
        """Wait until these replicas hold all monitors, as many each as another or one more."""

        async def is_so() -> bool:
            held = await self.held()
            low = monitors // len(logins)
            return set(held) == set(logins) and held.total() == monitors and min(held.values()) == low

        await self.until(is_so, within=within, what=f"shared by {', '.join(logins)}")

    async def close(self) -> None:
        """End every process that still lives."""
        for process in self.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
