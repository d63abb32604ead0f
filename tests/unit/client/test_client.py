"""What becomes of rows by what the service answers."""

from __future__ import annotations

import json
import logging
import threading
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from tidegauge_client import AsyncClient, Client
from tidegauge_client.batch import BatchFileError, decode, decode_open

from tests.unit.client.scripted_server import Posted, Reply, accept, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"key": number, **more}


def identity_holds(client: Client) -> bool:
    """Say whether every row is in exactly one count."""
    found = client.stats()
    came = found.logged + found.taken_over
    return came == found.accepted + found.rejected + found.invalid + found.dropped + found.waiting


def test_rows_and_labels_go_to_their_paths_with_key_and_token(tmp_path: Path) -> None:
    """Each batch has its own key, the token, and every row in order."""
    with serving() as server, Client(server.url, token="t0ken", spool=tmp_path) as client:  # noqa: S106
        monitor = client.monitor("my model/1")
        monitor.log(row(number) for number in range(1_200))
        monitor.labels({"key": 1, "truth": 2.0})
        assert client.flush(30)
        assert {each.headers["Authorization"] for each in server.posted} == {"Bearer t0ken"}
        assert len({each.key for each in server.posted}) == len(server.posted) >= 4
        assert max(len(each.rows) for each in server.posted) <= 500
        *rows, labels = [each.path for each in server.posted]
        assert set(rows) == {"/v1/monitors/my%20model%2F1/rows"}
        assert labels == "/v1/monitors/my%20model%2F1/labels"
        assert [each["key"] for each in server.counted()[:-1]] == list(range(1_200))
        assert client.stats().accepted == 1_201


def test_a_row_is_as_it_was_when_it_was_logged(tmp_path: Path) -> None:
    """What the caller changes afterwards is not sent; a row without a time gets that of logging."""
    with serving() as server, Client(server.url, spool=tmp_path) as client:
        given = row(1)
        client.monitor("toy", timestamp="at").log([given, row(2, at="2026-01-01")])
        given["key"] = "changed"
        assert client.flush(30)
        first, second = server.counted()
    assert first["key"] == 1
    assert first["at"].endswith("+00:00")
    assert second["at"] == "2026-01-01"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 302, 200])
def test_a_batch_is_sent_again_under_its_key(tmp_path: Path, status: int) -> None:
    """What says "not now", or is no answer of Tidegauge, keeps the batch; it counts once."""
    refusals = iter([Reply(status, {"detail": "wait"}, {"Retry-After": "0"})] * 2)
    with serving(script=lambda posted: next(refusals, None) or accept(posted)) as server:
        with Client(server.url, spool=tmp_path) as client:
            client.monitor("toy").log(row(1))
            assert client.flush(30)
            stats = client.stats()
        assert len(server.posted) == 3
        assert len({each.key for each in server.posted}) == 1
    assert (stats.accepted, stats.retries, stats.rejected, stats.last_error) == (1, 2, 0, None)


def test_retry_after_is_obeyed(tmp_path: Path) -> None:
    """Nothing is sent before the time that the service asks for, and the rows are on the disk meanwhile."""
    reply = Reply(429, {"detail": "wait"}, {"Retry-After": "60"})
    with serving(script=lambda _: reply) as server, Client(server.url, spool=tmp_path) as client:
        client.monitor("toy").log(row(1))
        client.flush(0)
        server.until(1)
        client.monitor("toy").log(row(2))
        assert not client.flush(1)
        assert len(server.posted) == 1
        stats = client.stats()
        assert stats.last_error == "429: wait"
        assert (stats.waiting, stats.batches_on_disk) == (2, 2)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 415])
def test_a_refusal_is_kept_with_its_reason(tmp_path: Path, status: int) -> None:
    """A refused batch is not sent again; how many rows it had, and why it was refused, can be read."""
    reply, reason = Reply(status, {"detail": "no such thing"}), f"{status}: no such thing"
    with serving(script=lambda _: reply) as server, Client(server.url, spool=tmp_path) as client:
        client.monitor("toy").log([row(1), row(2)])
        assert client.flush(30)
        assert dict(client.stats().reasons) == {reason: 2}
        rejects = [(each.row, each.reason) for each in client.rejects()]
        assert rejects == [({"key": 1}, reason), ({"key": 2}, reason)]
        assert len(server.posted) == 1
        assert identity_holds(client)


def _strict(is_good: Callable[[Posted], bool], status: int) -> Callable[[Posted], Reply]:
    return lambda posted: accept(posted) if is_good(posted) else Reply(status, {"detail": "refused"})


def test_a_row_that_spoils_a_batch_is_refused_alone(tmp_path: Path) -> None:
    """Of 500 rows with two that the service refuses the whole batch for, 498 are accepted."""
    bad = {3, 444}
    script = _strict(lambda posted: bad.isdisjoint(each["key"] for each in posted.rows), 422)
    with serving(script=script) as server, Client(server.url, spool=tmp_path) as client:
        client.monitor("toy").log(row(number) for number in range(500))
        assert client.flush(30)
        stats = client.stats()
        assert (stats.accepted, stats.rejected) == (498, 2)
        assert {each.row["key"] for each in client.rejects()} == bad


def test_a_batch_of_which_nothing_can_be_used_is_given_up_soon(tmp_path: Path) -> None:
    """A batch without a single good row costs a few requests, not one for each row."""
    with (
        serving(script=_strict(lambda _: False, 422)) as server,
        Client(server.url, spool=tmp_path) as client,
    ):
        client.monitor("toy").log(row(number) for number in range(500))
        assert client.flush(30)
        assert client.stats().rejected == 500
        assert len(server.posted) < 40


def test_a_batch_that_is_too_large_is_sent_in_parts(tmp_path: Path) -> None:
    """413 halves a batch until its parts are taken, in order, under keys made of the batch's own."""
    script = _strict(lambda posted: len(posted.rows) <= 100, 413)
    with serving(script=script) as server, Client(server.url, spool=tmp_path) as client:
        client.monitor("toy").log(row(number) for number in range(500))
        assert client.flush(30)
        assert client.stats().accepted == 500
        taken = [row["key"] for each in server.posted if len(each.rows) <= 100 for row in each.rows]
        assert taken == list(range(500))
        key = server.posted[0].key
        assert all(each.key.startswith(key) for each in server.posted)


def test_rows_that_the_service_cannot_use_are_counted_by_reason(tmp_path: Path) -> None:
    """The receipt's rejects are counted: those that it names by their reasons, the others as not named."""
    receipt = {
        "accepted": 1,
        "rejected": 3,
        "rejects": [{"row": {"key": 2}, "reason": "no time"}, {"row": {"key": 3}, "reason": "no time"}],
    }
    with (
        serving(script=lambda _: Reply(202, receipt)) as server,
        Client(server.url, spool=tmp_path) as client,
    ):
        client.monitor("toy").log(row(number) for number in range(5))
        assert client.flush(30)
        stats = client.stats()
        assert (stats.accepted, stats.rejected) == (1, 4)
        assert sorted(stats.reasons.values()) == [1, 1, 2]
        assert identity_holds(client)


def test_log_never_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that is logged raises; what is wrong is counted, and said once."""
    with serving() as server, Client(server.url, spool=tmp_path) as client, caplog.at_level(logging.WARNING):
        monitor = client.monitor("toy")
        for wrong in (None, 1, "text", [1], {"a": object()}, {"a": object()}):
            monitor.log(wrong)
        monitor.log([row(1), {"a": object()}, row(2)])
        assert client.flush(30)
        stats = client.stats()
        assert (stats.accepted, stats.invalid) == (2, 7)
        assert identity_holds(client)
    assert len([each for each in caplog.messages if "type object" in each]) == 1


def test_memory_is_bounded_where_there_is_no_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With neither service nor disk a bounded number of rows waits; the others are counted, and said once."""
    (tmp_path / "file").write_text("no folder")
    client = Client("http://127.0.0.1:9", spool=tmp_path / "file", memory_mb=1, exit_seconds=0)
    client.monitor("toy").log(row(number, text="x" * 1_000) for number in range(3_000))
    client.flush(0)
    stats = client.stats()
    assert 900 < stats.waiting < 1_050
    assert stats.dropped == 3_000 - stats.waiting
    assert identity_holds(client)
    client.close(0)
    assert len([each for each in caplog.messages if "dropped" in each]) == 1


@pytest.mark.parametrize("is_away", [False, True], ids=["there", "away"])
def test_a_job_may_wait_for_room(tmp_path: Path, is_away: bool) -> None:
    """With `max_wait` a burst that is larger than the memory is slowed down, and no row of it is dropped."""
    with serving() as server:
        url = "http://127.0.0.1:9" if is_away else server.url
        client = Client(url, spool=tmp_path, memory_mb=1, max_wait=60)
        client.monitor("toy").log(row(number, text="x" * 1_000) for number in range(5_000))
        assert client.flush(0 if is_away else 60) is not is_away
        stats = client.stats()
        client.close(30)
    assert stats.dropped == 0
    assert (stats.waiting if is_away else stats.accepted) == 5_000


def test_the_disk_is_bounded(tmp_path: Path) -> None:
    """While the service is away the spool grows to its limit, and then the memory to its own."""
    client = Client("http://127.0.0.1:9", spool=tmp_path, memory_mb=1, spool_mb=2)
    monitor = client.monitor("toy")
    for start in range(0, 6_000, 500):
        monitor.log(row(start + number, text="x" * 1_000) for number in range(500))
        client.flush(0)
    client.close(0)
    stats = client.stats()
    assert 1 << 20 < stats.bytes_on_disk <= 2 << 20
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.batch")) == stats.bytes_on_disk
    assert stats.dropped > 0
    assert identity_holds(client)


def test_many_threads_log_at_once(tmp_path: Path) -> None:
    """Rows of several threads are each counted once."""
    with serving() as server, Client(server.url, spool=tmp_path, batch_rows=50) as client:
        monitor = client.monitor("toy")

        def work(start: int) -> None:
            for number in range(start, start + 500):
                monitor.log(row(number))

        threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 4_000, 500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(30)
        assert sorted(each["key"] for each in server.counted()) == list(range(4_000))


def test_a_connection_that_the_service_closed_is_no_failure(tmp_path: Path) -> None:
    """An idle connection that the service has closed costs no retry."""

    def closing(posted: Posted) -> Reply:
        reply = accept(posted)
        return Reply(reply.status, reply.body, {"Connection": "close"})

    with serving(script=closing) as server, Client(server.url, spool=tmp_path) as client:
        for number in range(3):
            client.monitor("toy").log(row(number))
            assert client.flush(30)
        assert (client.stats().accepted, client.stats().retries) == (3, 0)


async def test_the_asynchronous_client_awaits(tmp_path: Path) -> None:
    """`log` is called without await; `flush` and the end are awaited."""
    with serving() as server:
        async with AsyncClient(server.url, spool=tmp_path) as client:
            client.monitor("toy").log(row(1))
            assert await client.flush(30)
            client.monitor("toy").log(row(2))
        assert client.stats().accepted == 2


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", "http://host/?a=b"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    """A wrong address is a mistake of the start, and raises there."""
    with pytest.raises(ValueError, match="expected the service's address"):
        Client(url)


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://me:s3cret@host"},
        {"token": "s3cret\n"},
        {"token": ""},
        {"token": "s3crét"},
        {"timeout": 0},
        {"memory_mb": 0},
        {"batch_rows": 0},
        {"interval": -1},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_used_is_refused_at_once(given: dict[str, Any]) -> None:
    """Each is a mistake of the start, and raises there; a secret is not shown."""
    with pytest.raises(ValueError, match=r"expected|the token is") as raised:
        Client(**{"url": "http://host", **given})
    assert "s3cr" not in str(raised.value)


def test_a_closed_client_begins_again_when_it_is_used(tmp_path: Path) -> None:
    """Rows that are logged after `close` are sent as well: an application may be started several times."""
    with serving() as server:
        client = Client(server.url, spool=tmp_path)
        client.monitor("toy").log(row(1))
        assert client.close(30)
        client.monitor("toy").log(row(2))
        assert client.close(30)
        assert (client.stats().accepted, client.stats().dropped) == (2, 0)
    assert not list(tmp_path.rglob("*.batch"))


@pytest.mark.parametrize("name", ["", "\ud800", 5, None, b"m"])
def test_a_monitor_that_no_path_can_name_is_refused_at_once(tmp_path: Path, name: Any) -> None:
    """Its rows could never be sent, and would hold up those of all other monitors."""
    with pytest.raises(ValueError, match="the name of a monitor"):
        Client("http://127.0.0.1:1", spool=tmp_path).monitor(name)


@pytest.mark.parametrize(
    "head",
    [
        {"monitor": 5, "kind": "rows", "key": "k"},
        {"monitor": "\ud800", "kind": "rows", "key": "k"},
        {"monitor": "m", "kind": "../x", "key": "k"},
        {"monitor": "m", "kind": "rows", "key": "k\r\nX: y"},
        {"monitor": "m", "kind": "rows", "key": None},
    ],
)
def test_a_file_that_no_request_can_be_made_of_is_set_aside(head: dict[str, Any]) -> None:
    """A file of the spool that something else has changed holds up none behind it."""
    body = b'{"a":1}\n'
    whole = {"format": 1, "bytes": len(body), "crc": zlib.crc32(body), **head}
    with pytest.raises(BatchFileError, match="a batch of the monitor"):
        decode(json.dumps(whole).encode() + b"\n" + body)
    with pytest.raises(BatchFileError, match="a batch of the monitor"):
        decode_open(json.dumps(whole).encode() + b"\n" + body)


@pytest.mark.parametrize("status", [200, 301, 307, 308])
def test_an_answer_of_another_service_says_so(tmp_path: Path, status: int) -> None:
    """Rows are kept, and the reason names the address that was answered with."""
    headers = {} if status == 200 else {"Location": "https://gauge.example.org/v1/monitors/m/rows"}
    with serving(script=lambda _: Reply(status, {}, headers)) as server:
        client = Client(server.url, spool=tmp_path)
        client.monitor("m").log({"a": 1})
        assert not client.flush(0.5)
        said = client.stats().last_error or ""
        assert "is this Tidegauge's address?" in said
        assert ("https://gauge.example.org" in said) == bool(headers)
        assert client.stats().waiting == 1
        client.close(0)


@pytest.mark.parametrize("retry_after", ["nan", "-1", "soon", "", "Wed, 99 Oct 2015 07:28:00 GMT", "0"])
def test_a_retry_after_that_says_nothing_ends(tmp_path: Path, retry_after: str) -> None:
    """Whatever a proxy writes there, the batch is sent again within seconds."""

    def script(posted: Posted) -> Reply:
        first = len(server.posted) <= 1
        return Reply(503, {}, {"Retry-After": retry_after}) if first else accept(posted)

    with serving() as server:
        server.script = script
        client = Client(server.url, spool=tmp_path, interval=0.01)
        client.monitor("m").log({"a": 1})
        assert client.flush(20)
        assert client.stats().accepted == 1
        client.close(0)
