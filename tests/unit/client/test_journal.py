"""What a killed process has logged is sent by the next one, once, under the key that its batch had."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tidegauge_client import Client, journal, spool
from tidegauge_client.batch import BatchFileError, decode_open, open_head

from tests.unit.client.scripted_server import Posted, Reply, accept, serving

if TYPE_CHECKING:
    from collections.abc import Callable

AWAY = "http://127.0.0.1:9"
BEGINNING = """
import os, signal, sys, time
from tidegauge_client import Client
client = Client(sys.argv[1], spool=sys.argv[2], interval=float(sys.argv[3]))
monitor = client.monitor("toy")
"""
KILL = "\nos.kill(os.getpid(), signal.SIGKILL)"


def killed(code: str, url: str, spool: Path, *, interval: float = 3_600.0) -> None:
    """Run a process that logs and then is killed; without an interval nothing is packed before."""
    command = [sys.executable, "-c", f"{BEGINNING}{code}{KILL}", url, str(spool), str(interval)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -9, done.stderr


def sent_by_the_next(url: str, spool: Path) -> Client:
    """Return a client that has sent what was left, and a row of its own."""
    client = Client(url, spool=spool)
    client.monitor("toy").log({"key": "next"})
    assert client.flush(30)
    client.close(30)
    return client


def batches_in(spool: Path) -> list[Path]:
    """Return the files of the folders; one that is being made, as by a process that is killed, has a lock."""
    return [path for path in spool.glob("[!.]*/*") if path.is_file()]


def keys(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["key"] for row in rows]


@pytest.mark.slow
def test_a_process_killed_right_after_log_loses_nothing(tmp_path: Path) -> None:
    """Single rows, many in a call and labels are sent by the next process, in order, each once."""
    code = """
for number in range(3):
    monitor.log({"key": number})
monitor.log({"key": number} for number in range(3, 1_234))
monitor.labels({"key": 0, "truth": 1})
"""
    with serving() as server:
        killed(code, server.url, tmp_path)
        client = sent_by_the_next(server.url, tmp_path)
        counted = server.counted()
        assert keys([row for row in counted if "truth" not in row]) == [*range(1_234), "next"]
        assert [row for row in counted if "truth" in row] == [{"key": 0, "truth": 1}]
        assert max(len(each.rows) for each in server.posted) <= 500
        assert client.stats().taken_over >= 235  # full batches may have been sent before the kill
    assert not batches_in(tmp_path)


def test_a_folder_whose_making_was_cut_short_is_removed(tmp_path: Path) -> None:
    """With its lock or without it, once it is a minute old; others' hidden folders are left alone."""
    half, bare, fresh = (tmp_path / f".{digit * 32}" for digit in "abc")
    foreign = tmp_path / ".config"
    for folder in (half, bare, fresh, foreign):
        folder.mkdir()
    (half / "lock").touch()
    for folder in (half, bare, foreign):
        os.utime(folder, (0, 0))
    assert spool.adopt(tmp_path) == []
    assert sorted(tmp_path.iterdir()) == [fresh, foreign]


@pytest.mark.slow
def test_a_process_that_starts_sends_what_was_left_before_it_logs(tmp_path: Path) -> None:
    """A service that is started again sends its killed predecessor's rows without waiting for traffic."""
    with serving() as server:
        killed('monitor.log({"key": 1})', server.url, tmp_path)
        with Client(server.url, spool=tmp_path):
            server.until(1)
            assert keys(server.counted()) == [1]


@pytest.mark.slow
@pytest.mark.parametrize("is_lost", [False, True], ids=["kept", "not kept"])
def test_a_batch_whose_answer_never_came_is_sent_again_under_its_key(tmp_path: Path, is_lost: bool) -> None:
    """Killed while the service holds its first batch: the same rows come under the same key."""
    release, first = threading.Event(), list[Posted]()

    def hold_the_first(posted: Posted) -> Reply:
        if not first:
            first.append(posted)
            release.wait(30)
        return accept(posted)

    with serving(script=hold_the_first) as server:
        code = """
monitor.log({"key": number} for number in range(20))
while not client._pipeline._sender._thread: time.sleep(0.01)
while client._pipeline._outbox.first() is None: time.sleep(0.01)
time.sleep(0.3)
"""
        killed(code, server.url, tmp_path, interval=0.05)
        release.set()
        server.until(1)
        if is_lost:
            server.posted.clear()
        sent_by_the_next(server.url, tmp_path)
        assert first[0].key in {each.key for each in server.posted}
        again = next(each for each in server.posted[::-1] if each.key == first[0].key)
        assert again.rows == first[0].rows
        assert sorted(map(str, keys(server.counted()))) == sorted([*map(str, range(20)), "next"])


@pytest.mark.slow
def test_processes_that_share_a_spool_are_taken_over_one_by_one(tmp_path: Path) -> None:
    """Workers of one service, forked after the client was made: what the killed ones logged, and no more."""
    code = """
monitor.log({"key": "parent"})
for number in range(3):
    if os.fork() == 0:
        monitor.log({"key": f"child {number}"})
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
"""
    with serving() as server:
        killed(code, server.url, tmp_path)
        sent_by_the_next(server.url, tmp_path)
        assert sorted(keys(server.counted())) == ["child 0", "child 1", "child 2", "next", "parent"]
        by_key = {(each.key, str(each.rows)) for each in server.posted}
        assert len(by_key) == len({each.key for each in server.posted})


def whole(*rows: str) -> bytes:
    return open_head("toy", "rows", "k") + "".join(f'{{"key":"{row}"}}\n' for row in rows).encode()


def test_a_row_whose_write_was_broken_off_is_dropped() -> None:
    """Cut at any byte, the file holds the rows whose lines are whole; zeros of a power cut count as none."""
    content, head = whole("a", "b"), len(whole())
    for length in range(len(content) + 1):
        found = decode_open(content[:length])
        rows = 0 if length <= head else content[head:length].count(b"\n")
        assert (0 if found is None else found.rows) == rows
    padded = decode_open(content + b"\0" * 100)
    assert padded is not None
    assert padded.lines == (b'{"key":"a"}\n', b'{"key":"b"}\n')
    assert padded.key == "k"


@pytest.mark.parametrize("content", [b"\0" * 50, b"something else\n", whole() + b"\0\0\n"])
def test_a_file_that_is_no_journal_is_refused(content: bytes) -> None:
    """What no process has written is not sent."""
    with pytest.raises(BatchFileError):
        decode_open(content)


class _Patched:
    """The module os with another `write`."""

    def __init__(self, write: Callable[[int, bytes], int]) -> None:
        self.write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def _fail_with(code: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return fail


def _write_half(descriptor: int, content: bytes) -> int:
    return os.write(descriptor, content[: len(content) // 2])


def _slowly(descriptor: int, content: bytes) -> int:
    time.sleep(0.3)
    return os.write(descriptor, content)


@pytest.mark.parametrize("write", [_fail_with(errno.ENOSPC), _fail_with(errno.EIO), _write_half, _slowly])
def test_a_failing_disk_leaves_rows_in_memory_and_says_so_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    write: Callable[[int, bytes], int],
) -> None:
    """Full, broken or slow: no call fails, every row is sent once, the loss of safety is counted."""
    with serving() as server, Client(server.url, spool=tmp_path, interval=3_600) as client:
        monitor = client.monitor("toy")
        monitor.log({"key": 0})
        monkeypatch.setattr(journal, "os", _Patched(write))
        for number in range(1, 6):
            monitor.log({"key": number})
        assert client.stats().unjournaled >= 3
        monkeypatch.undo()
        client.flush(30)  # a pass of the packer finds that the disk works again
        monitor.log({"key": 6})
        assert client.stats().unjournaled <= 5
        assert client.flush(30)
        assert sorted(keys(server.counted())) == list(range(7))
        assert sum(len(each.rows) for each in server.posted) == 7
    assert len([each for each in caplog.messages if "journal cannot be written" in each]) == 1
    assert len([each for each in caplog.messages if "journal again" in each]) == 1


def test_rows_that_could_not_be_journaled_are_in_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a call's rows written, and the disk full: what is left on the disk is what was taken before."""
    client = Client(AWAY, spool=tmp_path, interval=3_600)
    monitor = client.monitor("toy")
    monitor.log({"key": 0})
    monkeypatch.setattr(journal, "os", _Patched(_write_half))
    monitor.log({"key": number} for number in range(1, 50))
    monkeypatch.undo()
    (path,) = tmp_path.rglob("*.journal")
    assert [json.loads(line) for line in path.read_bytes().splitlines()[1:]] == [{"key": 0}]
    client.close(0)


def test_a_write_that_does_not_return_holds_up_no_other_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one call hangs in its write, the others return and their rows are sent."""
    entered, release = threading.Event(), threading.Event()

    def hang(descriptor: int, content: bytes) -> int:
        entered.set()
        release.wait(30)
        return os.write(descriptor, content)

    with serving() as server, Client(server.url, spool=tmp_path, interval=0.05) as client:
        monitor = client.monitor("toy")
        monkeypatch.setattr(journal, "os", _Patched(hang))
        hanging = threading.Thread(target=monitor.log, args=({"key": 0},))
        hanging.start()
        assert entered.wait(30)
        began = time.monotonic()
        for number in range(1, 50):
            monitor.log({"key": number})
        assert time.monotonic() - began < 5
        server.until(1)
        assert keys(server.counted())[0] == 1
        release.set()
        hanging.join()
        assert client.flush(30)
        assert sorted(keys(server.counted())) == list(range(50))


def test_a_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    """The spool deleted under a running process: rows are sent, and later ones are journaled again."""
    root = tmp_path / "spool"
    with serving() as server, Client(server.url, spool=root, interval=3_600) as client:
        monitor = client.monitor("toy")
        monitor.log({"key": 0})
        subprocess.run(["rm", "-r", str(root)], check=True)
        assert client.flush(30)
        monitor.log({"key": 1})
        assert client.stats().unjournaled == 1
        assert client.flush(30)
        monitor.log({"key": 2})
        assert list(root.rglob("*.journal"))
        assert client.flush(30)
        assert keys(server.counted()) == [0, 1, 2]
        assert client.stats().unjournaled == 1


def test_without_a_spool_or_by_choice_there_is_no_journal(tmp_path: Path) -> None:
    """`spool=None` and `journal=False` write nothing while the service takes rows."""
    with serving() as server:
        for given in ({"spool": None}, {"spool": tmp_path, "journal": False}):
            with Client(server.url, **given) as client:
                client.monitor("toy").log({"key": 0})
                assert not list(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="fsync needs the journal"):
        Client(AWAY, spool=None, fsync=True)


def test_fsync_is_done_before_log_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `fsync=True` the file and its folder are synchronised by the call itself."""
    synchronised = list[str]()
    real = os.fsync

    def note(descriptor: int) -> None:
        synchronised.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with serving() as server, Client(server.url, spool=tmp_path, fsync=True, interval=3_600) as client:
        client.monitor("toy").log({"key": 0})
        (path,) = tmp_path.rglob("*.journal")
        assert synchronised[-1] == str(path)
        assert str(path.parent) in synchronised


def test_a_key_that_was_used_for_other_content_is_not_sent_in_halves(tmp_path: Path) -> None:
    """The rows of a conflict are counted as refused: under new keys they would count twice."""
    detail = "the Idempotency-Key 'k' was used for other content within the last seven days"
    reply = Reply(422, {"detail": detail})
    with serving(script=lambda _: reply) as server, Client(server.url, spool=tmp_path) as client:
        client.monitor("toy").log([{"key": 0}, {"key": 1}])
        assert client.flush(30)
        assert len(server.posted) == 1
        assert client.stats().rejected == 2
