"""The section of a monitor file for files that appear in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from service.config.base import Duration
from service.core.time_units import SECOND
from service.sources.base import SourceConfig
from service.sources.context import NoTable
from service.sources.files.folder import LocalFolder
from service.sources.files.formats.exploded import Names, lists_of
from service.sources.files.formats.registry import FORMATS
from service.sources.files.labels import LabelReceiver
from service.sources.files.lines import PART_ROWS
from service.sources.files.pieces import Reading
from service.sources.files.reader import ReaderOptions
from service.sources.files.remote import RemoteFolder
from service.sources.files.rows import Limits
from service.sources.files.secret_options import revealed, with_secrets
from service.sources.files.source import FilesOptions, FilesSource
from service.sources.http.content import RowShape
from service.sources.table_config import CsvConfig, Timestamp, TimestampConfig, table_format

if TYPE_CHECKING:
    from service.core.rows.masking import RowMask
    from service.sources.context import SourceContext
    from service.sources.files.folder import Folder
    from service.sources.protocol import Receiver
    from service.sources.table_format import TableFormat

DAY = 86_400 * SECOND


class FilesConfig(SourceConfig):
    """Rows of files that appear in a folder, each file once.

    - `path`: the folder, or a pattern of files below it, in which `**` is any number of folders.
    - `format`: what the files hold.
    - `inputs`, `outputs`: what values of requests and responses are called that have no names; with an empty
      `outputs` responses are not read.
    - `options`: how an object store is reached, by fsspec's names; secrets as `${NAME}` or `{file: PATH}`.
    - `timestamp`: the column of each row's event time, or how its times are written too. Without it a row's
      time is that at which its file was changed.
    - `csv`: the dialect where they are CSV files.
    - `settle`: how long a file has to be left alone before it is read.
    - `grows`: whether lines are appended to files, whose complete lines are taken as they come.
    - `order`: which files go first: by name, or the ones that were changed first.
    - `replaced`: what becomes of a file that is another than the one that was taken under its name.
    - `allowed_lateness`: how far a row may lie behind the rows of earlier files; later ones are rejects.
    - `max_ahead`: how far a row's time may lie ahead of the moment at which it is read; others are rejects.
    - `idle_after`: after how much silence the clock, and no longer the rows, closes windows.
    """

    is_live: ClassVar[bool] = True
    can_be_peeked: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True

    type: Literal["files"]
    path: str = Field(min_length=1)
    format: Literal["rows", "bentoml", "sagemaker", "inference_table"] = "rows"
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    options: Annotated[dict[str, Any], BeforeValidator(with_secrets)] = Field(default_factory=dict)
    timestamp: Timestamp | None = None
    csv: CsvConfig | None = None
    settle: Duration = Field(default=5 * SECOND)
    grows: bool = False
    order: Literal["name", "modified"] = "name"
    replaced: Literal["refuse", "take"] = "refuse"
    allowed_lateness: Duration = Field(default=7 * DAY)
    max_ahead: Duration = Field(default=5 * 60 * SECOND)
    idle_after: Duration = Field(default=3_600 * SECOND)

    @property
    def time_column(self) -> str | None:
        """The column of event times, which a reference file may have too."""
        return None if self._timestamp is None else self._timestamp.column

    @property
    def late_by_us(self) -> int:
        """How far a row that is taken may lie behind the newest, which may be ahead of its arrival."""
        return self.allowed_lateness + self.max_ahead

    @property
    def table_format(self) -> TableFormat:
        """How the files are written."""
        return table_format(self._timestamp, self.csv)

    @property
    def _timestamp(self) -> TimestampConfig | None:
        return self.timestamp or FORMATS[self.format].timestamp

    def build(self, context: SourceContext) -> FilesSource:
        """Return the source; nothing is looked at yet."""
        has_outputs = bool(self.outputs) or "outputs" not in self.model_fields_set
        names = Names(self.inputs, self.outputs, has_outputs, lists_of(context.schema.names))
        explode = FORMATS[self.format].explode
        reading = Reading(context.schema, self.time_column, self.table_format, explode, names, self.grows)
        limits = Limits(self.time_column is not None, self.max_ahead, self.allowed_lateness)
        # Where nothing is kept, as in `tidegauge check`, what is half written is read again anyway.
        settle = 0 if type(context.tables.inbox) is NoTable else self.settle
        takes_replaced = self.replaced == "take"
        reader = ReaderOptions(reading, limits, settle, self.order == "modified", takes_replaced, PART_ROWS)
        return FilesSource(context, FilesOptions(self._folder, reader, self.idle_after))

    def receiver(self, context: SourceContext, masking: RowMask) -> Receiver:
        """Return what reads the labels that are sent by HTTP; rows are refused there."""
        shape = RowShape(context.schema, self.time_column, self.table_format)
        return LabelReceiver(context.monitor, self.path, shape, masking, self.max_ahead, context.labels)

    def _folder(self) -> Folder:
        if "://" in self.path:
            return RemoteFolder(self.path, revealed(self.options))
        return LocalFolder(self.path)

    @model_validator(mode="after")
    def _belong_together(self) -> FilesConfig:
        if self.options and "://" not in self.path:
            raise ValueError("options: belong to an object store; expected path as s3://bucket/folder/*.csv")
        return self
