"""What becomes of rows when processes end, are killed, or fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tidegauge_client import Client

from service.store.embedded.cluster import free_port
from tests.unit.client.scripted_server import Posted, Reply, accept, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

# Since 3.12 Python warns of every fork of a process that has threads.
FORK = "ignore:This process:DeprecationWarning"
BEGINNING = """
import os, sys, time
from tidegauge_client import Client
client = Client(sys.argv[1], spool=sys.argv[2], exit_seconds=10)
monitor = client.monitor("toy")
def log(first, last):
    for number in range(first, last):
        monitor.log({"key": number})
def until(holds):
    while not holds():
        time.sleep(0.01)
"""


def start(code: str, url: str, spool: Path, *, exit_seconds: float = 10) -> subprocess.Popen[str]:
    """Start a process that logs."""
    beginning = BEGINNING.replace("exit_seconds=10", f"exit_seconds={exit_seconds}")
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-W", FORK, "-c", beginning + code, url, str(spool)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for the end of a process and return what it wrote to standard error."""
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    return errors


def keys(rows: list[dict[str, int]]) -> list[int]:
    return [row["key"] for row in rows]


@pytest.mark.parametrize(
    ("ending", "status"), [("", 0), ("sys.exit(3)", 3), ("raise ValueError('of the caller')", 1)]
)
def test_the_end_of_a_process_sends_what_is_left(tmp_path: Path, ending: str, status: int) -> None:
    """However Python ends, the last rows are sent first, and nothing is left on the disk."""
    with serving() as server:
        ended(start(f"log(0, 700)\n{ending}", server.url, tmp_path), status)
        assert keys(server.counted()) == list(range(700))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_end_waits_for_a_bounded_time(tmp_path: Path) -> None:
    """A service that does not answer delays the end by `exit_seconds` at most; the rows wait on the disk."""
    release = threading.Event()

    def hang(posted: Posted) -> Reply:
        release.wait(60)
        return accept(posted)

    with serving(script=hang) as server:
        began = time.monotonic()
        errors = ended(start("log(0, 10)", server.url, tmp_path, exit_seconds=0.5))
        assert time.monotonic() - began < 30
        release.set()
    assert "10 wait on the disk for the next process, 0 are lost" in errors
    assert len(list(tmp_path.rglob("*.batch"))) == 1


def test_the_next_process_sends_what_the_last_one_left(tmp_path: Path) -> None:
    """What a process left while the service was away is sent by the next, in order, before its own rows."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ended(start("log(0, 1_200)", url, tmp_path))
    with serving(port) as server, Client(url, spool=tmp_path) as client:
        client.monitor("toy").log({"key": 1_200})
        server.until(2)
        assert client.close(30)
        assert keys(server.counted()) == list(range(1_201))
        stats = client.stats()
    assert (stats.logged, stats.taken_over, stats.accepted, stats.waiting) == (1, 1_200, 1_201, 0)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_killed_process_loses_no_row_that_was_on_the_disk(tmp_path: Path) -> None:
    """After kill -9 with a spool the next process sends every row of it, once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    code = """
log(0, 1_200)
until(lambda: client.stats().batches_on_disk and not client._pipeline._outbox.memory_bytes)
client.flush(0)
until(lambda: not client._pipeline._outbox.memory_bytes)
print("spooled", flush=True)
until(lambda: False)
"""
    process = start(code, url, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "spooled\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    with serving(port) as server, Client(url, spool=tmp_path) as client:
        client.monitor("toy").log({"key": 1_200})
        assert client.close(30)
        assert keys(server.counted()) == list(range(1_201))
        assert client.stats().taken_over == 1_200


def test_a_batch_counts_once_where_the_process_dies_between_answer_and_delete(tmp_path: Path) -> None:
    """Killed after the service kept a batch, before its file was removed: sent again under the same key."""
    process: list[subprocess.Popen[str]] = []

    def kill_at_the_second(posted: Posted) -> Reply:
        if len(server.posted) == 0:
            return Reply(503, {"detail": "away"}, {"Retry-After": "0"})  # so that the batch is on the disk
        if len(server.posted) == 1:
            process[0].kill()
            process[0].wait()
        return accept(posted)

    with serving(script=kill_at_the_second) as server:
        process.append(start("log(0, 10)\nuntil(lambda: False)", server.url, tmp_path))
        server.until(2)
        process[0].communicate(timeout=60)
        with Client(server.url, spool=tmp_path) as client:
            client.monitor("toy").log({"key": 10})
            assert client.close(30)
        assert len(server.posted) == 4
        assert len({each.key for each in server.posted[:3]}) == 1
        assert keys(server.counted()) == list(range(11))


def test_a_batch_under_way_goes_to_the_disk_where_the_service_hangs(tmp_path: Path) -> None:
    """A batch without an answer for an interval lies on the disk, long before the answer is given up."""
    release = threading.Event()

    def hang(posted: Posted) -> Reply:
        release.wait(60)
        return accept(posted)

    with serving(script=hang) as server, Client(server.url, spool=tmp_path, interval=0.02) as client:
        client.monitor("toy").log({"key": 1})
        while not list(tmp_path.rglob("*.batch")):
            threading.Event().wait(0.005)
        assert client.stats().retries == 0
        release.set()
        assert client.flush(30)


def test_what_a_running_process_keeps_is_its_own(tmp_path: Path) -> None:
    """The spool of a process that lives is not taken over by another."""
    url = f"http://127.0.0.1:{free_port()}"
    code = """
log(0, 5)
until(lambda: client.stats().batches_on_disk)
print("spooled", flush=True)
sys.stdin.read()
"""
    first = subprocess.Popen(
        [sys.executable, "-c", BEGINNING + code, url, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "spooled\n"
    with Client(url, spool=tmp_path, interval=0.01) as client:
        client.monitor("toy").log({"key": 5})
        client.flush(0.2)
        assert client.stats().batches_on_disk == 1
    first.communicate(timeout=60)


FORKS = {
    "os.fork": """
log(0, 100)
child = os.fork()
if child == 0:
    log(100, 150)
    sys.exit(0)
log(150, 200)
assert os.waitpid(child, 0)[1] == 0
""",
    "multiprocessing": """
import multiprocessing
log(0, 100)
child = multiprocessing.get_context("fork").Process(target=log, args=(100, 150))
child.start()
log(150, 200)
child.join()
assert child.exitcode == 0
""",
}


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("is_away", [False, True], ids=["there", "away"])
def test_a_forked_child_sends_its_own_rows_alone(tmp_path: Path, fork: str, is_away: bool) -> None:
    """Rows of parent and child each count once, with the service there and with both having a spool."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    code = FORKS[fork]
    if is_away:
        ended(start(code, url, tmp_path))
        assert len({path.parent for path in tmp_path.rglob("*.batch")}) == 2
    with serving(port) as server:
        if not is_away:
            ended(start(code, url, tmp_path))
            assert sorted(keys(server.counted())) == list(range(200))
            return
        with Client(url, spool=tmp_path) as client:
            client.monitor("toy").log({"key": 200})
            assert client.close(30)
        assert sorted(keys(server.counted())) == list(range(201))
        rows = [row for posted in server.posted for row in posted.rows]
        assert len(rows) == 201, "a row was in two batches"


def test_a_child_may_fork_while_other_threads_log(tmp_path: Path) -> None:
    """Children that fork in the middle of everything log without hanging on a lock of the parent's."""
    code = """
import threading
stop = threading.Event()
def busy():
    while not stop.is_set():
        monitor.log({"key": -1})
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads: thread.start()
for number in range(8):
    child = os.fork()
    if child == 0:
        log(number, number + 1)
        client.close(10)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
"""
    with serving() as server:
        process = subprocess.Popen(
            [sys.executable, "-c", BEGINNING + code, server.url, str(tmp_path)],
            stderr=subprocess.PIPE,
            text=True,
        )
        ended(process)
        assert sorted(key for key in keys(server.counted()) if key >= 0) == list(range(8))


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _nested(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


@pytest.mark.parametrize("harm", [_cut, _unreadable, _nested])
def test_a_file_that_is_no_batch_is_kept_aside(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """A damaged file of the spool is renamed and counted; what is behind it is sent."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ended(start("log(0, 1_200)", url, tmp_path))
    first, *_ = sorted(tmp_path.rglob("*.batch"))
    lost = first.read_bytes().count(b"\n") - 1
    harm(first)
    with serving(port) as server, Client(url, spool=tmp_path) as client:
        client.monitor("toy").log({"key": 1_200})
        assert client.close(30)
        assert keys(server.counted()) == list(range(lost, 1_201))
        assert client.stats().broken_files == 1
    assert [path.name for path in tmp_path.rglob("*.broken")] == [first.with_suffix(".broken").name]
