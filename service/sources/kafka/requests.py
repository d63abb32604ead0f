"""Kafka's request for a topic's metadata in a version that says which topic of a name it is.

aiokafka's own ends at version 5, without ids. Version 12 is known to brokers from Kafka 3.1 on; older ones
are asked by version 5.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

NO_ID = UUID(int=0)


class Uuid:
    """An id of 16 bytes."""

    @staticmethod
    def encode(value: UUID) -> bytes:
        """Return its bytes."""
        return value.bytes

    @staticmethod
    def decode(data: object) -> UUID:
        """Read it from a stream of bytes."""
        return UUID(bytes=data.read(16))  # type: ignore[attr-defined]

    @staticmethod
    def repr(value: UUID) -> str:
        """Return it for people."""
        return str(value)


_BROKER = (
    ("node_id", Int32),
    ("host", CompactString("utf-8")),
    ("port", Int32),
    ("rack", CompactString("utf-8")),
    ("tags", TaggedFields),
)
_PARTITION = (
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)
_TOPIC = (
    ("error_code", Int16),
    ("topic", CompactString("utf-8")),
    ("topic_id", Uuid),
    ("is_internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)


class TopicResponseV12(Response):
    """The answer."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("tags", TaggedFields),
    )


class TopicRequestV12(RequestStruct):
    """The request as it is sent."""

    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = TopicResponseV12
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", Uuid), ("topic", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicRequest(Request[MetadataRequest_v5 | TopicRequestV12]):
    """Asks for one topic, and never makes it."""

    API_KEY: ClassVar[int] = 3

    def __init__(self, topic: str) -> None:
        """Ask for `topic`."""
        self._topic = topic

    def build(self, request_struct_class: type) -> object:
        """Return the request in the version that the broker knows."""
        if request_struct_class is TopicRequestV12:
            return TopicRequestV12([(NO_ID, self._topic, {})], False, False, {})
        return MetadataRequest_v5([self._topic], False)
