"""A monitor that reads a topic of a real broker: each row once, and what could not be measured said."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete

from service.checks.look import MonitorLook
from service.checks.read import look_at
from service.checks.row_findings import unusable_rows
from service.commands.audit import sums_in
from service.config.monitor_file import load
from service.errors import NotYetError, SourceError, StoreError
from service.store.embedded.server import EmbeddedServer
from service.store.tables.inbox import audit
from tests.faults.replicas import door_play
from tests.integration.inbox.live import MINUTE, START, Live, lay_out, living, row, rows
from tests.integration.kafka.topics import TestTopic, a_topic
from tests.kafka import kill_run
from tests.kafka.broker import PASSWORD, USER, Broker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SLACK = 6.0  # seconds that a busy machine may add to a take-over
EVENTS = "SELECT kind, message FROM tidegauge.event WHERE kind = 'rows_lost' ORDER BY id"
REJECTS = 'SELECT reason, "row" FROM tidegauge.rejected_row ORDER BY id'


async def _rejects(live: Live) -> list[tuple[str, dict[str, Any]]]:
    found = await live.pool.fetch(REJECTS)
    return [(each["reason"], each["row"]) for each in found]


async def _audited(live: Live, topic: TestTopic) -> None:
    account = await audit.read(live.pool, "toy", sums_in)
    assert account.total == topic.sent


async def test_rows_of_all_partitions_are_measured_once(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """By value: what the sender knows to be acknowledged is what was measured, over several cycles."""
    async with a_topic(broker, 3) as topic, living(pool, tmp_path, source=topic.source()) as live:
        for partition in range(3):
            await topic.send(rows((f"a{partition}-{number}" for number in range(40)), 0), partition)
        await live.run()
        assert (await live.counted(), live.reports[-1].record.backlog_rows) == (120, 0)
        await topic.send(rows("xyz", 2), 1)
        report = await live.run()
        assert (report.record.rows, await live.counted()) == (3, 123)
        assert not (await live.run()).moved
        await _audited(live, topic)


async def test_the_first_rows_are_the_reference(broker: Broker, pool: asyncpg.Pool, tmp_path: Path) -> None:
    """They are looked at without moving an offset, and measured like all that follow."""
    reference = {"first_rows": 6}
    async with (
        a_topic(broker, 2) as topic,
        living(pool, tmp_path, source=topic.source(), reference=reference, labels=None) as live,
    ):
        await topic.send(rows("abcd", 0), 1)
        for _ in range(2):
            with pytest.raises(NotYetError, match="4 of 6 rows of its reference have come"):
                await live.run()
        await topic.send([each | {"truth": 9.0} for each in rows("efgh", 0)], 0)
        assert (await live.run()).record.rows == 8
        assert (await live.cycle.reference()).profile.rows == 6
        assert not (await live.run()).moved
        await _audited(live, topic)


async def test_bad_messages_are_rejected_with_their_place(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Each says what is wrong with it and where it is; the rows around it are measured."""
    values = [
        json.dumps(row("good", 0)).encode(),
        None,
        b"",
        b"\x00\xff",
        b'{"key": "a"} {"key": "b"}',
        b'[{"key": "a", "size": 1}]',
        b'"text"',
        b'{"else": 1}',
        b'{"size": 1, "size": 2}',
        json.dumps(row("long", 0, colour="x" * 600)).encode(),
        json.dumps(row("bad time", 0, at="soon")).encode(),
        json.dumps(row("ahead", 60)).encode(),
        json.dumps(row("pretty", 0), indent=1).encode(),
    ]
    async with a_topic(broker, 2) as topic, living(pool, tmp_path, source=topic.source()) as live:
        await topic.write(values, 1)
        report = await live.run()
        assert (report.record.rows, report.record.rejected) == (2, 11)
        found = {each["kafka_offset"]: reason for reason, each in await _rejects(live)}
        assert sorted(found) == list(range(1, 12))
        said = {
            1: "tombstone", 2: "is empty", 3: "is no JSON", 4: "Extra data", 5: "is an array of 1",
            6: "no object", 7: "none of the monitor's columns, but else", 8: "more than once",
            9: "600 characters", 10: "is not a time", 11: "ahead of the moment",
        }  # fmt: skip
        assert [words for offset, words in said.items() if words not in found[offset]] == []
        places = {(each["kafka_topic"], each["kafka_partition"]) for _, each in await _rejects(live)}
        assert places == {(topic.name, 1)}


async def test_a_flood_of_bad_messages_is_counted_and_not_kept(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Of thousands the first hundred are kept; all are counted, and the rows among them are measured."""
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source()) as live:
        await topic.write([b"poison"] * 3_000)
        await topic.send(rows("abc", 0))
        report = await live.run()
        assert (report.record.rows, report.record.rejected) == (3, 3_000)
        assert await live.count("rejected_row") == 100


async def test_a_cycle_that_could_not_commit_takes_the_same_rows_again(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """What a failed cycle had read counts for nothing: the next one reads from the checkpoint."""
    async with a_topic(broker, 2) as topic, living(pool, tmp_path, source=topic.source()) as live:
        await topic.send(rows("abc", 0), 0)
        await topic.send(rows("de", 0), 1)
        await pool.execute("ALTER TABLE tidegauge.cycle_log RENAME TO away")
        for _ in range(2):
            with pytest.raises(StoreError):
                await live.run()
        await pool.execute("ALTER TABLE tidegauge.away RENAME TO cycle_log")
        assert ((await live.run()).record.rows, await live.counted()) == (5, 5)
        await _audited(live, topic)


async def test_a_partition_that_is_added_is_read_from_its_start(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Nothing written to it before the next cycle is missed, also where the monitor began at the latest."""
    source = {"start": "latest"}
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source(**source)) as live:
        await topic.write([json.dumps(row("before", 0)).encode()])
        assert (await live.run()).record.rows == 0
        await topic.admin.create_partitions({topic.name: NewPartitions(2)})
        await topic.producer.client.force_metadata_update()
        await topic.send(rows("ab", 0), 1)
        await topic.send(rows("c", 0), 0)
        assert (await live.run()).record.rows == 3
        await _audited(live, topic)


async def test_offsets_that_retention_deleted_are_said(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The event has the count of what was lost; what is left is measured."""
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source()) as live:
        await topic.send(rows("ab", 0))
        await live.run()
        await topic.send(rows("cdefg", 0))
        await topic.admin.delete_records({TopicPartition(topic.name, 0): RecordsToDelete(5)})
        report = await live.run()
        assert report.record.rows == 2
        (event,) = await pool.fetch(EVENTS)
        assert "3 offsets, 2 to 4, were deleted before they were read" in event["message"]


async def test_a_topic_that_was_made_again_is_read_from_its_start(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Also where it has more messages than were read of the earlier one, and nothing of it is skipped."""
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source()) as live:
        await topic.send(rows("ab", 0))
        await live.run()
        await topic.admin.delete_topics([topic.name])
        with pytest.raises(SourceError, match="there is no such topic"):
            await _until_gone(live)
        await topic.make()
        await topic.producer.client.force_metadata_update()
        await topic.send(rows("cdefg", 0))
        report = await live.run()
        assert report.record.rows == 5
        (event,) = await pool.fetch(EVENTS)
        assert "was deleted and made again" in event["message"]
        await _audited(live, topic)


async def _until_gone(live: Live) -> None:
    async with asyncio.timeout(10):
        while True:
            await live.run()


async def test_aborted_transactions_are_not_measured(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Only committed rows count, and the gaps that markers leave in the offsets are no backlog."""
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source()) as live:
        sender = AIOKafkaProducer(bootstrap_servers=broker.address, transactional_id=topic.name)
        async with sender:
            for name, is_kept in (("a", True), ("b", False), ("c", True), ("d", False)):
                await sender.begin_transaction()
                for each in rows((f"{name}{number}" for number in range(5)), 0):
                    await sender.send(topic.name, json.dumps(each).encode())
                if is_kept:
                    await sender.commit_transaction()
                    topic.count([f"{name}{number}" for number in range(5)])
                else:
                    await sender.abort_transaction()
            await sender.begin_transaction()
            await sender.send(topic.name, json.dumps(row("open", 0)).encode())
            await sender.flush()
            report = await live.run()
            assert (report.record.rows, report.record.backlog_rows) == (10, 0)
            await sender.commit_transaction()
        topic.count(["open"])
        assert (await live.run()).record.rows == 1
        await _audited(live, topic)


async def test_an_unknown_topic_is_named_and_not_made(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """A typing error costs a line with the nearest name; the brokers, which would, make no such topic."""
    async with a_topic(broker) as topic:
        source = topic.source(topic=topic.name.replace("dict", "dikt"))
        async with living(pool, tmp_path, source=source) as live:
            with pytest.raises(SourceError, match=f"no such topic; the nearest is {topic.name}"):
                await live.run()
        assert source["topic"] not in await topic.admin.list_topics()


async def test_check_says_what_a_topic_holds(broker: Broker, tmp_path: Path) -> None:
    """Its first rows are read without a trace; a topic of which nothing can be used is a fault."""
    async with a_topic(broker, 2) as topic:
        monitor = load(lay_out(tmp_path, source=topic.source()), tmp_path)
        assert _said(await look_at(monitor)) == [("note", "it has no rows yet")]
        await topic.write([b"poison"] * 3)
        assert _said(await look_at(monitor)) == [("fault", "none of 3 rows can be used")]
        await topic.send(rows("abc", 0), 1)
        look = await look_at(monitor)
        assert _said(look) == [("note", "3 of 6 rows are rejected")]
        assert look.source is not None
        assert (look.source.batch.rows, look.source.rejected) == (3, 3)


def _said(look: MonitorLook) -> list[tuple[str, str]]:
    found = (each for each in unusable_rows(look))
    return [(each.level, re.split("[,;]", each.message)[0]) for each in found]


async def test_times_are_the_messages_own_without_a_column(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The timestamp of each message places its row in a window."""
    source = {"timestamp": None}
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source(**source)) as live:
        for minute in range(3):
            stamp = (START + minute * MINUTE) // 1_000
            await topic.send(rows(f"{minute}abc", 0), timestamp_ms=stamp)
        await live.run()
        assert [window for window in await live.windows() if window[2]] == [(0, 1, 4), (1, 1, 4)]


async def test_a_partition_that_is_behind_loses_no_row_and_closes_no_window(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Rows hours behind another partition's are in time; windows wait for the one furthest behind."""
    async with a_topic(broker, 2) as topic, living(pool, tmp_path, source=topic.source()) as live:
        live.clock.now = START + 300 * MINUTE
        await topic.send(rows("ab", 0) + rows("cd", 1), 0)
        await topic.send(rows("ef", 200) + rows("gh", 240), 1)
        report = await live.run()
        assert (report.record.rows, report.record.rejected) == (8, 0)
        assert await live.windows() == [(0, 1, 2)]
        live.clock.now += 2 * MINUTE  # both are silent: the clock goes on
        await live.run()
        assert [window for window in await live.windows() if window[2]] == [
            (0, 1, 2), (1, 1, 2), (200, 1, 2), (240, 1, 2)
        ]  # fmt: skip


async def test_labels_are_sent_by_http_and_rows_are_refused_there(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """A label finds its row of the topic by its id."""
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source()) as live:
        await topic.send(rows("abc", 0) + rows("d", 1))
        await live.run()
        answer = await live.send([{"key": "a", "truth": 12.0}], "labels")
        assert answer.status_code == 202
        report = await live.run()
        assert report.record.labels is not None
        assert report.record.labels.labels == 1
        refused = await live.send(rows("a", 0))
        assert (refused.status_code, "reads its rows from the Kafka topic" in refused.text) == (409, True)
        await _audited(live, topic)


async def test_rows_that_wait_since_the_source_was_another_are_not_dropped(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """They were accepted by HTTP: the auditor counts them as waiting, whatever labels are taken."""
    (tmp_path / "http").mkdir()
    async with living(pool, tmp_path / "http") as live:
        await live.send(rows("xy", 0))
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source()) as live:
        await live.send([{"key": "a", "truth": 12.0}], "labels")
        await topic.send(rows("ab", 0))
        await live.run()
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.waiting.rows) == (2, 2)
        assert await live.count("inbox_batch") == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
async def test_a_login_is_read_from_the_environment(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right password reads; a wrong one is said without it."""
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    login = {"mechanism": mechanism, "username": USER, "password": "${KAFKA_PASSWORD}"}
    security = {"protocol": "sasl_plaintext", **login}
    async with a_topic(broker) as topic:
        source = topic.source(security=security, brokers=f"127.0.0.1:{broker.login_port}")
        await topic.send(rows("ab", 0))
        (tmp_path / "right").mkdir()
        async with living(pool, tmp_path / "right", source=source) as live:
            assert (await live.run()).record.rows == 2
        monkeypatch.setenv("KAFKA_PASSWORD", "wrong-password")
        (tmp_path / "wrong").mkdir()
        async with living(pool, tmp_path / "wrong", source=source) as live:
            with pytest.raises(SourceError, match=r"(?i)authentication") as caught:
                await live.run()
            assert "wrong-password" not in str(caught.value)


async def test_tls_trusts_the_authority_that_is_named(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Without it the broker's certificate is refused, and the line says so."""
    async with a_topic(broker) as topic:
        await topic.send(rows("ab", 0))
        for name, security in (("known", {"ca_file": str(broker.authority)}), ("unknown", {})):
            (tmp_path / name).mkdir()
            more = {"security": {"protocol": "ssl", **security}, "brokers": f"127.0.0.1:{broker.tls_port}"}
            async with living(pool, tmp_path / name, source=topic.source(**more)) as live:
                if security:
                    assert (await live.run()).record.rows == 2
                else:
                    with pytest.raises(SourceError, match=r"(?i)certificate verify failed"):
                        await live.run()


async def test_a_group_shows_what_was_committed(broker: Broker, pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Tools see the offsets of the checkpoint under the group; a foreign offset there is not followed."""
    source = {"group": "tidegauge-toy"}
    async with a_topic(broker) as topic, living(pool, tmp_path, source=topic.source(**source)) as live:
        await topic.send(rows("abc", 0))
        await live.run()
        await live.run()
        shown = await topic.admin.list_consumer_group_offsets("tidegauge-toy")
        part = TopicPartition(topic.name, 0)
        assert shown[part].offset == 3
        await topic.send(rows("d", 0))
        assert (await live.run()).record.rows == 1
        await live.run()
        # A replica that was paused and has lost its lease shows what it knew.
        options = {"bootstrap_servers": broker.address, "group_id": "tidegauge-toy"}
        async with AIOKafkaConsumer(enable_auto_commit=False, **options) as paused:
            paused.assign([part])
            await paused.commit({part: 3})
        assert not (await live.run()).moved
        live.clock.now += MINUTE
        await live.run()
        assert (await topic.admin.list_consumer_group_offsets("tidegauge-toy"))[part].offset == 4
        await _audited(live, topic)


async def test_kills_of_both_sides_lose_no_row(
    broker: Broker, pool: asyncpg.Pool, tmp_path: Path, database_url: str
) -> None:
    """Service and broker are killed while rows are sent: the auditor says each once."""
    said = await kill_run.run(tmp_path, broker, database_url, pool)
    assert "equal: nothing was lost, and nothing counted twice" in said
    print(said)  # noqa: T201  # the figures of a long run


async def test_every_way_in_survives_a_take_over(
    broker: Broker, server: EmbeddedServer, pool: asyncpg.Pool, tmp_path: Path, database_url: str
) -> None:
    """One replica killed, one paused, one added while rows come by all ways: each counts once."""
    found, counts = await door_play.play(tmp_path, broker, server, database_url, pool)
    assert all(each.lease_times < 2 + SLACK / door_play.LEASE_SECONDS for each in found), found
    print(*found, counts, sep="\n")  # noqa: T201  # the figures
