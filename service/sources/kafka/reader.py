"""Reads a topic's messages from given offsets, with a time limit on everything; faults are plain lines.

Partitions are assigned by hand, so no group and no rebalance has a say in what is read. A reader that raised
is closed: what its consumer had fetched is not to be trusted, and the next one starts from the checkpoint.
"""

from __future__ import annotations

import asyncio
import difflib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.errors import SourceError
from service.sources.kafka.positions import Span, Topic

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Iterator, Mapping, Sequence

ANSWER_SECONDS = 10.0  # for each question to the brokers
CLOSE_SECONDS = 2.0
FETCH_BYTES = 16 << 20  # of an answer with messages
PARTITION_BYTES = 4 << 20  # of a partition in such an answer
NO_TOPIC = 3  # Kafka's code of an unknown topic
NOT_ALLOWED = 29


@dataclass(frozen=True, slots=True)
class Security:
    """How a broker is reached.

    - `protocol`: Kafka's name of it
    - `mechanism`: of SASL; None without
    - `username`, `password`: likewise
    - `certificates`: of TLS; None without
    """

    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    username: str | None = None
    password: str | None = None
    certificates: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        """Return it without the password."""
        return f"Security({self.protocol}, {self.mechanism}, {self.username})"

    def options(self) -> dict[str, Any]:
        """Return the consumer's options."""
        found: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": self.certificates}
        if self.mechanism is not None:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return found


@dataclass(frozen=True, slots=True)
class Address:
    """Where a topic is.

    - `brokers`: as `host:port`, some of them
    - `topic`: its name
    - `security`: how they are reached
    - `group`: under which offsets are shown to tools; None: under none
    """

    brokers: tuple[str, ...]
    topic: str
    security: Security = Security()
    group: str | None = None

    def __str__(self) -> str:
        """Return it for messages."""
        return f"topic {self.topic} on {', '.join(self.brokers)}"


class TopicReader:
    """A topic that is open. Methods raise SourceError."""

    def __init__(self, address: Address) -> None:
        """Take the address; nothing is opened yet."""
        self._address = address
        self._consumer: Any = None
        self._assigned: set[Any] = set()

    @property
    def group(self) -> str | None:
        """The group under which offsets are shown; None: under none."""
        return self._address.group

    async def open(self) -> None:
        """Reach a broker."""
        try:
            from service.sources.kafka.consumer import TopicConsumer  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise SourceError(
                f"rows from Kafka need the extra `kafka`, which is not installed ({error}); "
                "write: pip install 'tidegauge[kafka]'"
            ) from error
        address = self._address
        self._consumer = TopicConsumer(
            bootstrap_servers=list(address.brokers),
            client_id="tidegauge",
            group_id=address.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            request_timeout_ms=int(ANSWER_SECONDS * 1_000),
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_BYTES,
            fetch_max_wait_ms=200,
            metadata_max_age_ms=60_000,
            **address.security.options(),
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._consumer.start()
        except _failures():
            raise SourceError(f"{address}: cannot be reached: {await self._why()}") from None

    async def topic(self) -> Topic:
        """Return what the brokers have of the topic now."""
        with self._answering("look at its partitions"):
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._consumer.topic(self._address.topic)
                if found["error_code"] == NO_TOPIC or not (found["partitions"] or found["error_code"]):
                    raise SourceError(await self._unknown())
                if found["error_code"] == NOT_ALLOWED:
                    raise SourceError(
                        f"{self._address}: the brokers do not let this user read it; expected the rights "
                        "READ and DESCRIBE on it"
                    )
            leaderless = [each["partition"] for each in found["partitions"] if each["leader"] < 0]
            if leaderless:
                named = ", ".join(map(str, sorted(leaderless)))
                raise SourceError(f"{self._address}: no broker leads partition {named} now")
            spans = await self._spans([each["partition"] for each in found["partitions"]])
        given = found.get("topic_id")
        return Topic(self._address.topic, str(given) if given is not None and given.int else "", spans)

    async def offsets_at(self, instant: int, partitions: Collection[int]) -> dict[int, int]:
        """Return each partition's first offset of a message at or after `instant` (UTC microseconds).

        A partition without such a message is left out.
        """
        with self._answering("look for the messages since start"):
            times = {self._part(each): -(-instant // 1_000) for each in partitions}
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._consumer.offsets_for_times(times)
        return {part.partition: each.offset for part, each in found.items() if each is not None}

    async def start_at(self, offsets: Mapping[int, int]) -> None:
        """Read on from these offsets; what was fetched ahead is kept where it follows them."""
        with self._answering("go to its offsets"):
            parts = {self._part(each): offset for each, offset in offsets.items()}
            if set(parts) != self._assigned:
                self._consumer.assign(list(parts))
                self._assigned = set(parts)
                known = dict.fromkeys(parts, -1)
            else:
                async with asyncio.timeout(ANSWER_SECONDS):
                    known = {part: await self._consumer.position(part) for part in parts}
            for part, offset in parts.items():
                if known[part] != offset:
                    self._consumer.seek(part, offset)

    def rest(self) -> None:
        """Fetch nothing until messages are read again: without it brokers are asked five times a second."""
        self._consumer.pause(*self._assigned)

    def wake(self) -> None:
        """Fetch again."""
        self._consumer.resume(*self._consumer.paused())

    async def read(self, max_messages: int, seconds: float) -> dict[int, Sequence[Any]]:
        """Return the messages that come within `seconds`, by partition; none where none comes."""
        with self._answering("read messages"):
            async with asyncio.timeout(seconds + ANSWER_SECONDS):
                found = await self._consumer.getmany(
                    timeout_ms=int(seconds * 1_000), max_records=max_messages
                )
        return {part.partition: messages for part, messages in found.items()}

    async def offsets(self) -> dict[int, int]:
        """Return the next offset of each partition, beyond what holds no row, such as a transaction's end."""
        with self._answering("look at its offsets"):
            async with asyncio.timeout(ANSWER_SECONDS):
                return {part.partition: await self._consumer.position(part) for part in self._assigned}

    async def show(self, offsets: Mapping[int, int]) -> None:
        """Show offsets to tools under the group; nothing is read by them."""
        with self._answering(f"show offsets under the group {self._address.group}"):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._consumer.commit({self._part(each): offset for each, offset in offsets.items()})

    async def close(self) -> None:
        """Close the connections; one that hangs is left."""
        consumer, self._consumer, self._assigned = self._consumer, None, set()
        if consumer is not None:
            with suppress(*_failures()):
                await asyncio.wait_for(consumer.stop(), CLOSE_SECONDS)

    def _part(self, partition: int) -> Any:
        from aiokafka import TopicPartition  # noqa: PLC0415 - an extra

        return TopicPartition(self._address.topic, partition)

    async def _spans(self, partitions: Sequence[int]) -> dict[int, Span]:
        parts = [self._part(each) for each in partitions]
        async with asyncio.timeout(ANSWER_SECONDS):
            first, end = await asyncio.gather(
                self._consumer.beginning_offsets(parts), self._consumer.end_offsets(parts)
            )
        return {part.partition: Span(first[part], max(first[part], end[part])) for part in parts}

    async def _unknown(self) -> str:
        topics = sorted(name for name in await self._consumer.topics() if not name.startswith("__"))
        near = difflib.get_close_matches(self._address.topic, topics, n=1, cutoff=0.5)
        hint = f"; the nearest is {near[0]}" if near else ""
        listed = ", ".join(topics[:10]) or "none that this user may see"
        more = f" and {len(topics) - 10} more" if len(topics) > 10 else ""  # noqa: PLR2004
        return f"{self._address}: there is no such topic{hint}; the brokers have {listed}{more}"

    async def _why(self) -> str:
        # aiokafka says why a broker cannot be reached to its log alone.
        from aiokafka.conn import collect_hosts, create_conn  # noqa: PLC0415 - an extra

        said = []
        options = {"request_timeout_ms": int(ANSWER_SECONDS * 1_000), **self._address.security.options()}
        for host, port, _ in collect_hosts(list(self._address.brokers)):
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    connection = await create_conn(host, port, **options)
            except _failures() as error:
                said.append(f"{host}:{port}: {_text(error)}")
            else:
                connection.close()
                said.append(f"{host}:{port} answers, but not as a broker of Kafka")
        return "; ".join(said)

    @contextmanager
    def _answering(self, what: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise SourceError(f"{self._address}: {what}: no answer within {ANSWER_SECONDS:g} s") from error
        except _failures() as error:
            raise SourceError(f"{self._address}: {what}: {_text(error)}") from error


def _failures() -> tuple[type[Exception], ...]:
    # What is raised where brokers cannot be reached or refuse; a time limit that passed is an OSError.
    try:
        from aiokafka.errors import KafkaError  # noqa: PLC0415 - an extra
    except ImportError:
        return (OSError,)
    kind: type[Exception] = KafkaError
    return OSError, kind


def _text(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER_SECONDS:g} s"
    return " ".join(str(error).split()) or type(error).__name__
