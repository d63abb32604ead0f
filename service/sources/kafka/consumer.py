"""A consumer of aiokafka that never makes a topic, and can say which topic of a name it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from service.sources.kafka.requests import TopicRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENT_OPTIONS = (
    "bootstrap_servers", "client_id", "metadata_max_age_ms", "request_timeout_ms", "retry_backoff_ms",
    "ssl_context", "security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password",
)  # fmt: skip


class TopicClient(AIOKafkaClient):
    """A client that only asks for topics: brokers make a topic that is asked for in the usual way."""

    async def ask(self, request: Any) -> Any:
        """Return the answer of any broker. Raises KafkaError where none answers."""
        failed: Exception = KafkaConnectionError("no broker is known")
        for broker in self.cluster.brokers():
            try:
                return await self.send(broker.nodeId, request)
            except KafkaError as error:
                failed = error
        raise failed

    async def _metadata_update(self, cluster_metadata: Any, topics: Sequence[str]) -> bool:
        if not topics:
            return bool(await super()._metadata_update(cluster_metadata, topics))
        try:
            answer = await self.ask(MetadataRequest(list(topics), allow_auto_topic_creation=False))
        except KafkaError:
            cluster_metadata.failed_update(None)
            return False
        cluster_metadata.update_metadata(answer)
        return True


class TopicConsumer(AIOKafkaConsumer):
    """Reads the partitions that it is assigned, from the offsets that it is given."""

    def __init__(self, **options: Any) -> None:
        """Take the options of aiokafka's own."""
        super().__init__(**options)
        chosen = {name: options[name] for name in CLIENT_OPTIONS if name in options}
        self._client = TopicClient(loop=self._loop, **chosen)

    async def topic(self, name: str) -> Any:
        """Return what the brokers say of a topic. Raises KafkaError."""
        return (await self._client.ask(TopicRequest(name))).to_object()["topics"][0]
