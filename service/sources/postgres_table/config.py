"""The section of a monitor file for rows from a Postgres table that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from service.config.base import Duration, PositiveDuration
from service.core.rows.schema import Role
from service.core.time_units import SECOND
from service.errors import ConfigurationError, SourceError
from service.sources.base import SourceConfig
from service.sources.http.content import RowShape
from service.sources.postgres_table.connection import Database
from service.sources.postgres_table.labels import LabelReceiver
from service.sources.postgres_table.pages import MAX_ROWS, TableReader
from service.sources.postgres_table.query import QueryReader
from service.sources.postgres_table.rows import RowOptions
from service.sources.postgres_table.source import TableOptions, TableSource
from service.sources.secret import Secret, secret_of
from service.sources.table_config import Timestamp, table_format

if TYPE_CHECKING:
    from service.core.rows.masking import RowMask
    from service.sources.context import SourceContext
    from service.sources.postgres_table.pages import Reader
    from service.sources.protocol import Receiver
    from service.sources.table_format import TableFormat

DAY = 86_400 * SECOND
OWN_URL = "${TIDEGAUGE_DATABASE_URL}"


def _path(written: object) -> object:
    return written.split(".") if isinstance(written, str) else written


Path = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_path), Field(min_length=1)]


class TableConfig(SourceConfig):
    """Rows from a Postgres table, which is read again and again.

    - `table`: its name, as SQL reads it: `predictions`, `shop.predictions`.
    - `query`: a SELECT in its place, such as of a view; its rows are read by
    - `updated_at`: the column that says when a row was last changed, and
    - `key`: a column that tells rows apart; up to
    - `gap`: how far before the server's clock. What is committed later than that is missed.
    - `url`: of its database; the service's own without it.
    - `timestamp`: the column of each row's event time, or how its times are written too.
    - `order_by`: the column that the rows of one round are ordered by; the column of times without it.
    - `json`: columns that are inside a column of JSON: their names and paths, `age: features.age`.
    - `lookback`: how far behind the newest row a round looks; at the whole table without it.
    - `allowed_lateness`: how far a row may lie behind the rows of earlier rounds; later ones are rejects.
    - `max_ahead`: how far a row's time may lie ahead of the moment at which it is read; others are rejects.
    - `idle_after`: after how much silence the clock, and no longer the rows, closes windows.
    - `timeout`: how long the server may take for one statement.
    """

    is_live: ClassVar[bool] = True
    gives_reference: ClassVar[bool] = True
    can_be_peeked: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True
    labels_update_rows: ClassVar[bool] = True

    type: Literal["table"]
    table: str | None = Field(default=None, min_length=1)
    query: str | None = Field(default=None, min_length=1)
    updated_at: str | None = None
    key: str | None = None
    gap: Duration = Field(default=30 * SECOND)
    url: Secret | None = None
    timestamp: Timestamp
    order_by: str | None = None
    json_paths: dict[str, Path] = Field(default={}, alias="json")
    lookback: PositiveDuration | None = None
    allowed_lateness: Duration = Field(default=7 * DAY)
    max_ahead: Duration = Field(default=5 * 60 * SECOND)
    idle_after: Duration = Field(default=60 * SECOND)
    timeout: PositiveDuration = Field(default=60 * SECOND)

    @model_validator(mode="after")
    def _is_one_kind(self) -> TableConfig:
        if (self.table is None) == (self.query is None):
            raise ValueError("expected table, or query with updated_at and key")
        if self.query is not None and (self.updated_at is None or self.key is None):
            raise ValueError(
                "query: its rows do not say which transaction wrote them; expected updated_at and key, the "
                "columns by which they are read"
            )
        if self.query is not None and (self.order_by is not None or self.lookback is not None):
            raise ValueError(
                "query: is read in the order of updated_at; expected no order_by and no lookback"
            )
        if self.table is not None and (self.updated_at is not None or self.key is not None):
            raise ValueError(
                "table: is read by its transactions; expected no updated_at and no key, or a query"
            )
        return self

    @property
    def _what(self) -> str:
        return self.table or "query"

    @model_validator(mode="after")
    def _looks_back_far_enough(self) -> TableConfig:
        if self.lookback is not None and self.lookback < self.allowed_lateness:
            raise ValueError(
                "lookback: is shorter than allowed_lateness; expected as much, or rows are missed"
            )
        return self

    @property
    def time_column(self) -> str | None:
        """The column of event times, which a reference file may have too."""
        return self.timestamp.column

    @property
    def late_by_us(self) -> int:
        """How far a row that is taken may lie behind the newest one, which may be ahead of its arrival."""
        return self.allowed_lateness + self.max_ahead

    @property
    def table_format(self) -> TableFormat:
        """How rows are written."""
        return table_format(self.timestamp, None)

    def build(self, context: SourceContext) -> TableSource:
        """Return the source; the server is not asked yet. Raises ConfigurationError."""
        labels = context.labels
        if labels is not None and self.lookback is not None and self.lookback < labels.wait_us:
            raise ConfigurationError(
                f"{context.monitor}: source.lookback is shorter than labels.wait, so that labels that are "
                "filled in late would not be seen; expected as much"
            )
        shape = RowShape(context.schema, self.timestamp.column, self.table_format)
        target = next((each.name for each in context.schema.columns if each.role is Role.TARGET), None)
        seconds = self.timeout / SECOND
        own = context.tables.own
        url = None if self.url is None and own is not None else self._url
        return TableSource(
            context,
            Database(url, own, statement_seconds=seconds, what=self._what),
            self._reader(shape, None if labels is None else target),
            RowOptions(self._what, shape, self.max_ahead, self.allowed_lateness),
            TableOptions(target, self.idle_after),
        )

    def _reader(self, shape: RowShape, optional: str | None) -> Reader:
        paths = self.json_paths
        if self.query is not None and self.updated_at is not None and self.key is not None:
            return QueryReader(
                self.query, self.updated_at, self.key, self.gap, shape, paths, optional, MAX_ROWS
            )
        order_by = self.order_by
        if order_by is None and self.timestamp.column not in paths:
            order_by = self.timestamp.column
        return TableReader(self.table or "", shape, paths, optional, order_by, self.lookback, MAX_ROWS)

    def receiver(self, context: SourceContext, masking: RowMask) -> Receiver:
        """Return what reads the labels that are sent by HTTP; rows are refused there."""
        shape = RowShape(context.schema, self.time_column, self.table_format)
        return LabelReceiver(context.monitor, self._what, shape, masking, self.max_ahead, context.labels)

    def _url(self) -> str:
        if self.url is not None:
            return self.url.get_secret_value()
        try:
            found = secret_of(OWN_URL)
        except ValueError as error:
            raise SourceError(
                f"{self._what}: is in the service's own database, which is embedded or is not named here: it "
                "is read once the service runs; TIDEGAUGE_DATABASE_URL or source.url says where it is before"
            ) from error
        return found if isinstance(found, str) else found.get_secret_value()
