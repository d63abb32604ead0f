"""The section of a monitor file for rows from a Kafka topic."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from service.config.base import Duration, Instant, Section, instant_us
from service.core.time_units import SECOND
from service.errors import SourceError
from service.sources.base import SourceConfig
from service.sources.hindrance import missing_package, missing_path
from service.sources.http.content import RowShape
from service.sources.kafka.avro_format import AvroFormat
from service.sources.kafka.json_format import JsonFormat
from service.sources.kafka.labels import LabelReceiver
from service.sources.kafka.reader import Address, Security
from service.sources.kafka.rows import RowOptions
from service.sources.kafka.source import KafkaOptions, KafkaSource
from service.sources.secret import Secret
from service.sources.table_config import Timestamp, table_format

if TYPE_CHECKING:
    from service.core.rows.masking import RowMask
    from service.sources.context import SourceContext
    from service.sources.kafka.messages import Format
    from service.sources.protocol import Receiver
    from service.sources.table_format import TableFormat

DAY = 86_400 * SECOND
MAX_PORT = 65_535


class SecurityConfig(Section):
    """How the brokers are reached.

    - `protocol`: TLS, SASL, or both.
    - `mechanism`, `username`, `password`: of SASL.
    - `ca_file`: the certificates that a broker's is signed by; the system's without it.
    - `cert_file`, `key_file`, `key_password`: this client's own certificate, where brokers ask for one.
    """

    protocol: Literal["ssl", "sasl_plaintext", "sasl_ssl"]
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = None
    password: Secret | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password: Secret | None = None

    @model_validator(mode="after")
    def _belong_together(self) -> SecurityConfig:
        login = (self.mechanism, self.username, self.password)
        if self.protocol.startswith("sasl") and None in login:
            raise ValueError(f"protocol: {self.protocol} needs mechanism, username and password")
        if not self.protocol.startswith("sasl") and any(each is not None for each in login):
            raise ValueError(
                "protocol: ssl has no mechanism, username or password; expected sasl_ssl for them"
            )
        if self.protocol == "sasl_plaintext" and (self.ca_file or self.cert_file):
            raise ValueError("protocol: sasl_plaintext has no certificates; expected sasl_ssl for them")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file: needs cert_file, the certificate that it belongs to")
        return self

    def security(self) -> Security:
        """Return it in the reader's form. Raises SourceError where a certificate cannot be read."""
        return Security(
            self.protocol.upper(),
            self.mechanism,
            self.username,
            None if self.password is None else self.password.get_secret_value(),
            self._certificates() if self.protocol.endswith("ssl") else None,
        )

    def _certificates(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                password = None if self.key_password is None else self.key_password.get_secret_value()
                # Without a password OpenSSL would ask for one on the terminal.
                context.load_cert_chain(self.cert_file, self.key_file, password=password or "")
        except (OSError, ValueError) as error:
            named = ", ".join(filter(None, (self.ca_file, self.cert_file, self.key_file)))
            raise SourceError(f"security: the certificates cannot be read ({named}): {error}") from error
        return context


def _listed(value: object) -> object:
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else value


class KafkaConfig(SourceConfig):
    """Rows from a Kafka topic, one message each.

    - `brokers`: some of them, as `host:port`.
    - `topic`: its name.
    - `format`: how the messages' values are written.
    - `schema_file`: of Avro, the schema of records without a frame; or
    - `schema_folder`: of Avro in Confluent's framing, the schemas as `ID.avsc`.
    - `timestamp`: the column of each row's event time, or how its times are written too. Without it, and in
      a row that has none, the time is the message's own.
    - `start`: where a new monitor begins: at the earliest message, behind the latest, or at a time.
    - `group`: a consumer group under which tools see what was measured; nothing is read by it.
    - `security`: how brokers are reached that ask for TLS or a login.
    - `allowed_lateness`: how far a row may lie behind a newer one of its partition; later ones are rejects.
    - `max_ahead`: how far a row's time may lie ahead of the moment at which it is read; others are rejects.
    - `idle_after`: after how much silence the clock, and no longer the rows, closes windows.
    """

    is_live: ClassVar[bool] = True
    gives_reference: ClassVar[bool] = True
    can_be_peeked: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True

    type: Literal["kafka"]
    brokers: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(min_length=1)
    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    format: Literal["json", "avro"] = "json"
    schema_file: str | None = None
    schema_folder: str | None = None
    timestamp: Timestamp | None = None
    start: Literal["earliest", "latest"] | Instant = "earliest"
    group: str | None = Field(default=None, min_length=1, max_length=255)
    security: SecurityConfig | None = None
    allowed_lateness: Duration = Field(default=7 * DAY)
    max_ahead: Duration = Field(default=5 * 60 * SECOND)
    idle_after: Duration = Field(default=60 * SECOND)

    @field_validator("brokers")
    @classmethod
    def _have_ports(cls, brokers: tuple[str, ...]) -> tuple[str, ...]:
        for broker in brokers:
            host, _, port = broker.rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
                raise ValueError(f"expected host:port, such as kafka:9092, got {broker!r}")
        return brokers

    @model_validator(mode="after")
    def _one_schema(self) -> KafkaConfig:
        given = [each for each in (self.schema_file, self.schema_folder) if each is not None]
        if self.format == "json" and given:
            raise ValueError("format: json needs no schema; expected avro with schema_file or schema_folder")
        if self.format == "avro" and len(given) != 1:
            raise ValueError(
                "format: avro needs one of schema_file (records without a frame) and schema_folder (records "
                "in Confluent's framing)"
            )
        return self

    @property
    def time_column(self) -> str | None:
        """The column of event times, which a reference file may have too."""
        return None if self.timestamp is None else self.timestamp.column

    @property
    def start_moves(self) -> bool:
        """Whether a monitor that was never measured starts elsewhere each time."""
        return self.start == "latest"

    @property
    def late_by_us(self) -> int:
        """How far a row that is taken may lie behind the newest, which may be ahead of its arrival."""
        return self.allowed_lateness + self.max_ahead

    @property
    def table_format(self) -> TableFormat:
        """How rows are written."""
        return table_format(self.timestamp, None)

    def hindrance(self) -> str | None:
        """Return that the client of Kafka, or the schemas, are not here."""
        paths = [each for each in (self.schema_file, self.schema_folder) if each is not None]
        modules = ["aiokafka"] if self.format == "json" else ["aiokafka", "fastavro"]
        missing = [missing_package(each, "tidegauge[kafka]", "rows from Kafka") for each in modules]
        return next((each for each in (*missing, *map(missing_path, paths)) if each is not None), None)

    def build(self, context: SourceContext) -> KafkaSource:
        """Return the source; no broker is asked yet."""
        shape = RowShape(context.schema, self.time_column, self.table_format)
        return KafkaSource(
            context,
            RowOptions(self.topic, self._format(), shape, self.max_ahead, self.allowed_lateness),
            KafkaOptions(
                self._address,
                self.start if isinstance(self.start, str) else instant_us(self.start) or 0,
                self.idle_after,
            ),
        )

    def receiver(self, context: SourceContext, masking: RowMask) -> Receiver:
        """Return what reads the labels that are sent by HTTP; rows are refused there."""
        shape = RowShape(context.schema, self.time_column, self.table_format)
        return LabelReceiver(context.monitor, self.topic, shape, masking, self.max_ahead, context.labels)

    def _format(self) -> Format:
        if self.format == "json":
            return JsonFormat()
        file, folder = self.schema_file, self.schema_folder
        return AvroFormat(None if file is None else Path(file), None if folder is None else Path(folder))

    def _address(self) -> Address:
        security = Security() if self.security is None else self.security.security()
        return Address(self.brokers, self.topic, security, self.group)
