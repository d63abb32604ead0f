"""The real compose file, image and scripts on a real engine, without Grafana: its image may not be had."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

pytestmark = pytest.mark.compose

ROOT = Path(__file__).parents[2]
# Characters that a URL, a shell or SQL would trip over: the stack must take any password.
PASSWORDS = {
    "POSTGRES_PASSWORD": "super' $x",
    "POSTGRES_SERVICE_PASSWORD": "s'v @/:%c",
    "POSTGRES_READER_PASSWORD": 'r&d\\"?#',
    "GRAFANA_ADMIN_PASSWORD": "g",
}
SERVICES = ("db", "service", "adminer")
LIVE = "flights_live"  # measured by a container of its own, which does not run in every test
CLEARED = ("TIDEGAUGE_", "POSTGRES_", "GRAFANA_", "COMPOSE_", "ADMINER_", "EVIDENTLY_")
CLEARED_PORTS = ("DB_", "LIVE_", "MODEL_")


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED + CLEARED_PORTS)}
    return {**kept, **more}


def _compose(project: str, *arguments: str, env: dict[str, str], timeout: float = 120) -> str:
    # No file of the developer's own: only what the test gives.
    command = ["docker", "compose", "--env-file", os.devnull, "--project-name", project, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=env, timeout=timeout, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


@dataclass(frozen=True)
class Stack:
    """The running containers of one project that is the test's alone."""

    project: str = field(default_factory=lambda: f"tidegauge-test-{secrets.token_hex(4)}")
    # Port 0: the engine picks a free one.
    env: dict[str, str] = field(
        default_factory=lambda: _environment(
            **PASSWORDS,
            DB_PORT="0",
            ADMINER_PORT="0",
            EVIDENTLY_PORT="0",
            LIVE_PORT="0",
            MODEL_PORT="0",
            TIDEGAUGE_HTTP_PORT="0",
            TIDEGAUGE_CYCLE_SECONDS="1",
        )
    )

    def compose(self, *arguments: str, timeout: float = 120) -> str:
        """Run `docker compose` and return what it printed; fail with all of it."""
        return _compose(self.project, *arguments, env=self.env, timeout=timeout)

    def address(self, service: str, port: int) -> str:
        """Return where a container's port is published now: a restart may move it."""
        return self.compose("port", service, str(port))

    def state(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a container."""
        container = self.compose("ps", "--all", "--quiet", service)
        printed = subprocess.run(["docker", "inspect", container], check=True, capture_output=True).stdout
        state: dict[str, Any] = json.loads(printed)[0]
        return state

    def run(self, script: str) -> str:
        """Return what a shell script prints inside the service's container."""
        return self.compose("exec", "--no-TTY", "service", "sh", "-c", script)

    def read(self, sql: str, **settings: str) -> list[asyncpg.Record]:
        """Ask the database through its published port as the role that may only read."""

        async def ask() -> list[asyncpg.Record]:
            host, port = self.address("db", 5432).split(":")
            connection = await asyncpg.connect(
                host=host,
                port=int(port),
                user="tidegauge_reader",
                password=PASSWORDS["POSTGRES_READER_PASSWORD"],
                database="tidegauge",
                server_settings=settings,
                timeout=10,
            )
            try:
                rows: list[asyncpg.Record] = await connection.fetch(sql)
            finally:
                await connection.close()
            return rows

        return asyncio.run(ask())

    def measured(self) -> dict[str, int]:
        """Return how many values were measured, by monitor; service health is not counted."""
        sql = "SELECT monitor, count(value) AS n FROM tidegauge.metrics WHERE aspect <> 'health' GROUP BY 1"
        return {row["monitor"]: row["n"] for row in self.read(sql)}

    def cycles(self) -> dict[str, int]:
        """Return how many cycles were committed, by monitor of the container `service`."""
        rows = self.read("SELECT monitor, cycle FROM tidegauge.checkpoint")
        return {row["monitor"]: row["cycle"] for row in rows if row["monitor"] != LIVE}

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 90) -> None:
        """Poll for a state that comes by itself; say what was missed, with the service's last lines."""
        end = time.monotonic() + seconds
        last: Exception | None = None
        while time.monotonic() < end:
            try:
                if holds():
                    return
            except (asyncpg.PostgresError, OSError) as error:
                last = error
            time.sleep(0.5)
        logs = self.compose("logs", "--tail", "40", "service")
        pytest.fail(f"within {seconds:g} s not seen: {what} (last error: {last})\n{logs}")


def _engine_is_missing() -> str | None:
    if shutil.which("docker") is None:
        return "no docker command on this machine"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            return f"`{' '.join(command)}` fails: {(done.stderr or done.stdout).strip()[:200]}"
    return None


@pytest.fixture(scope="module")
def engine() -> None:
    """Skip where no container engine can be had."""
    if reason := _engine_is_missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def stack(engine: None) -> Iterator[Stack]:  # noqa: ARG001  # asked for its skip
    """Bring up the stack as a user would, and leave nothing of it behind."""
    stack = Stack()
    try:
        stack.compose("build", "service", timeout=1200)
        stack.compose("up", "--detach", "--wait", *SERVICES, timeout=300)
        yield stack
    finally:
        profiles = ("--profile", "reports", "--profile", "live")
        stack.compose(*profiles, "down", "--volumes", "--rmi", "local", "--timeout", "20", timeout=180)


def test_rows_are_measured(stack: Stack) -> None:
    """Every monitor of the checkout measures rows into the database, with nothing set but passwords."""
    monitors = {path.stem for path in (ROOT / "config" / "monitors").glob("*.yaml")}
    stack.until(
        lambda: {name for name, n in stack.measured().items() if n} >= monitors, f"rows of {sorted(monitors)}"
    )


def test_cycle_is_tuned_by_a_variable(stack: Stack) -> None:
    """`TIDEGAUGE_CYCLE_SECONDS=1` in front of the command makes a grid of one second for every monitor."""
    sql = """
        SELECT monitor, extract(epoch FROM min(gap)) AS gap FROM (
            SELECT monitor, slot - lag(slot) OVER (PARTITION BY monitor ORDER BY slot) AS gap
            FROM tidegauge.cycle_log
        ) AS gaps WHERE gap > interval '0' GROUP BY monitor
    """
    stack.until(lambda: len(stack.read(sql)) == len(stack.cycles()) > 0, "two cycles of each monitor")
    assert {float(row["gap"]) for row in stack.read(sql)} == {1.0}


def test_service_answers_at_its_published_port(stack: Stack) -> None:
    """The health page is reachable from the host, and the engine calls the container healthy."""
    with urllib.request.urlopen(f"http://{stack.address('service', 8000)}/healthz", timeout=5) as answer:
        assert answer.status == 200
    assert stack.state("service")["State"]["Health"]["Status"] == "healthy"


def test_adminer_answers(stack: Stack) -> None:
    """Adminer's page is reachable from the host."""
    with urllib.request.urlopen(f"http://{stack.address('adminer', 8080)}/", timeout=5) as answer:
        assert answer.status == 200


def test_evidentlys_pages_show_the_reports_that_alarms_made(stack: Stack) -> None:
    """With the profile `reports` Evidently's own pages have a project for a monitor that raised an alarm."""
    stack.compose("--profile", "reports", "up", "--detach", "--wait", "evidently", timeout=600)

    def has_project() -> bool:
        address = f"http://{stack.address('evidently', 8000)}/api/projects"
        with urllib.request.urlopen(address, timeout=5) as answer:
            return "flights" in {project["name"] for project in json.load(answer)}

    stack.until(has_project, "a report of the flights")


def test_the_live_profile_measures_what_a_models_service_logs(stack: Stack) -> None:
    """With the profile `live` all containers are healthy, and predictions and late labels are measured."""
    stack.compose("--profile", "live", "up", "--detach", "--wait", "live", "model", "traffic", timeout=600)
    for name in ("live", "model", "traffic"):
        assert stack.state(name)["State"]["Health"]["Status"] == "healthy"
    stack.until(lambda: stack.measured().get("flights_live", 0) > 0, "measurements of flights_live")
    labels = "SELECT sum(labels) AS n FROM tidegauge.cycle_log WHERE monitor = 'flights_live'"
    stack.until(lambda: bool(stack.read(labels)[0]["n"]), "labels of flights_live")
    stack.compose("--profile", "live", "stop", "traffic", "model", "live")
    assert {stack.state(name)["State"]["ExitCode"] for name in ("traffic", "live")} == {0}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(stack: Stack, name: str) -> None:
    """No container's port can be reached from another machine."""
    published = stack.state(name)["NetworkSettings"]["Ports"].values()
    assert {binding["HostIp"] for bindings in published for binding in bindings or ()} == {"127.0.0.1"}


def test_image_has_no_build_tools(stack: Stack) -> None:
    """The result holds no compiler and its environment nothing that installs."""
    assert stack.run("command -v gcc cc c++ g++ clang make ld cargo || echo none") == "none"
    assert stack.run("python -m pip --version 2>/dev/null || echo none") == "none"


def test_service_runs_unprivileged(stack: Stack) -> None:
    """The service is not root, has no capability, and cannot change its own code."""
    status = dict(line.split(":\t", 1) for line in stack.run("cat /proc/1/status").splitlines())
    assert set(status["Uid"].split()) == {"10001"}
    assert int(status["CapEff"], 16) == 0
    assert int(status["NoNewPrivs"]) == 1
    assert stack.run("touch /opt/tidegauge/x 2>/dev/null || echo refused") == "refused"


def test_reader_may_not_write(stack: Stack) -> None:
    """The role of the dashboards reads the service's tables and can change none, whatever it sets."""
    assert stack.read("SELECT count(*) FROM tidegauge.metrics")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        stack.read("DELETE FROM tidegauge.checkpoint", default_transaction_read_only="off")


def test_rows_go_on_after_the_database_restarts(stack: Stack) -> None:
    """The database is restarted under the running service, which goes on measuring without a restart."""
    stack.until(lambda: all(stack.cycles().values()), "a cycle of each monitor")
    before, started = stack.measured(), stack.state("service")["State"]["StartedAt"]
    stack.compose("restart", "db")
    stack.until(lambda: bool(stack.cycles()), "the database back")
    cycles = stack.cycles()
    stack.until(
        lambda: (
            all(n > cycles[name] for name, n in stack.cycles().items())
            and all(n > before.get(name, 0) for name, n in stack.measured().items() if name != LIVE)
        ),
        "more cycles and rows of each monitor",
    )
    state = stack.state("service")
    assert state["State"]["StartedAt"] == started
    assert state["RestartCount"] == 0


def test_service_stops_cleanly_and_goes_on_where_it_stopped(stack: Stack) -> None:
    """A stop ends the service with status 0 well within its grace; the next start goes on from there."""
    stack.until(lambda: all(stack.cycles().values()), "a cycle of each monitor")
    began = time.monotonic()
    stack.compose("stop", "service")
    assert time.monotonic() - began < 15
    assert stack.state("service")["State"]["ExitCode"] == 0
    stopped = stack.cycles()
    stack.compose("up", "--detach", "--wait", "--no-build", "service")
    stack.until(lambda: all(n > stopped[name] for name, n in stack.cycles().items()), "cycles after the stop")


@pytest.mark.parametrize("missing", sorted(PASSWORDS))
@pytest.mark.usefixtures("engine")
def test_missing_password_is_named(missing: str) -> None:
    """Without a password nothing starts, and the message says which one and what to do."""
    given = {name: value for name, value in PASSWORDS.items() if name != missing}
    with pytest.raises(AssertionError, match=rf"set {missing} in \.env \(cp \.env\.example \.env\)"):
        _compose("tidegauge-test-config", "config", "--quiet", env=_environment(**given))
