"""The section of a monitor file for files that appear in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from service.config.base import Duration
from service.core.rows.masking import Masking, RowMask
from service.core.time_units import SECOND
from service.sources.base import SourceConfig
from service.sources.context import NoTable
from service.sources.files.folder import LocalFolder
from service.sources.files.formats.exploded import Names, lists_of
from service.sources.files.formats.registry import FORMATS
from service.sources.files.labels import LabelReceiver
from service.sources.files.lines import PART_ROWS
from service.sources.files.logged import EventReading
from service.sources.files.pairing import FilePairing
from service.sources.files.pieces import Reading
from service.sources.files.reader import ReaderOptions
from service.sources.files.remote import RemoteFolder, missing_filesystem
from service.sources.files.rows import Limits
from service.sources.files.secret_options import revealed, with_secrets
from service.sources.files.source import FilesOptions, FilesSource
from service.sources.hindrance import missing_path
from service.sources.http.content import RowShape
from service.sources.kserve.columns import Naming, check_names, wanted_of
from service.sources.kserve.keys import MAX_WAIT, Component, Name
from service.sources.kserve.reading import HalfReader, Watched
from service.sources.table_config import CsvConfig, Timestamp, TimestampConfig, table_format

if TYPE_CHECKING:
    from service.sources.context import SourceContext
    from service.sources.files.folder import Folder
    from service.sources.protocol import Receiver
    from service.sources.table_format import TableFormat

MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
MAX_EVENTS = 50_000  # rows of events of a take, about: their payloads are in memory until they are paired
KSERVE_KEYS = ("inference_service", "namespace", "component", "wait")


class FilesConfig(SourceConfig):
    """Rows of files that appear in a folder, each file once.

    - `path`: the folder, or a pattern of files below it, in which `**` is any number of folders.
    - `format`: what the files hold.
    - `inputs`, `outputs`: what values of requests and responses are called that have no names; with an empty
      `outputs` responses are not read.
    - `inference_service`, `namespace`, `component`, `wait`: in the format `kserve`, as those keys of the
      source `kserve`; `wait` counts from the moment at which a half is read.
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
    gives_reference: ClassVar[bool] = True
    can_be_peeked: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True

    type: Literal["files"]
    path: str = Field(min_length=1)
    format: Literal["rows", "bentoml", "sagemaker", "inference_table", "kserve"] = "rows"
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    inference_service: Name | None = None
    namespace: Name | None = None
    component: Component = "predictor"
    wait: Duration = Field(default=10 * MINUTE, gt=0, le=MAX_WAIT)
    options: Annotated[dict[str, Any], BeforeValidator(with_secrets)] = Field(default_factory=dict)
    timestamp: Timestamp | None = None
    csv: CsvConfig | None = None
    settle: Duration = Field(default=5 * SECOND)
    grows: bool = False
    order: Literal["name", "modified"] = "name"
    replaced: Literal["refuse", "take"] = "refuse"
    allowed_lateness: Duration = Field(default=7 * DAY)
    max_ahead: Duration = Field(default=5 * MINUTE)
    idle_after: Duration = Field(default=60 * MINUTE)

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

    def hindrance(self) -> str | None:
        """Return that the folder, or the package that reads the object store, is not here."""
        protocol, is_remote, _ = self.path.partition("://")
        return missing_filesystem(protocol) if is_remote else missing_path(self.path)

    def build(self, context: SourceContext) -> FilesSource:
        """Return the source; nothing is looked at yet."""
        has_outputs = bool(self.outputs) or "outputs" not in self.model_fields_set
        names = Names(self.inputs, self.outputs, has_outputs, lists_of(context.schema.names))
        explode, events = FORMATS[self.format].explode, self._events(context)
        reading = Reading(
            context.schema,
            self.time_column,
            self.table_format,
            explode,
            names,
            self.grows,
            events is not None,
        )
        limits = Limits(self.time_column is not None, self.max_ahead, self.allowed_lateness)
        # Where nothing is kept, as in `tidegauge check`, what is half written is read again anyway.
        settle = 0 if type(context.tables.inbox) is NoTable else self.settle
        reader = ReaderOptions(
            reading,
            limits,
            settle,
            by_time=self._goes_by_time,
            takes_replaced=self.replaced == "take",
            max_rows=PART_ROWS if events is None else MAX_EVENTS,
            events=events,
        )
        pairing = None if events is None else FilePairing(context, self.allowed_lateness, self.wait)
        return FilesSource(context, FilesOptions(self._folder, reader, self.idle_after, pairing))

    @property
    def gives_masked_rows(self) -> bool:
        """Whether its rows are masked already: halves are, before they are kept to wait."""
        return FORMATS[self.format].event_of is not None

    @property
    def _goes_by_time(self) -> bool:
        # Names of logged events are ids, which say nothing of their order.
        by_default = self.format == "kserve" and "order" not in self.model_fields_set
        return by_default or self.order == "modified"

    def _events(self, context: SourceContext) -> EventReading | None:
        event_of = FORMATS[self.format].event_of
        if event_of is None or self.inference_service is None:
            return None
        naming = Naming(self.inputs, self.outputs, wanted_of(context.schema))
        mask = RowMask(Masking(frozenset(), b""), dict) if context.mask is None else context.mask
        return EventReading(
            event_of,
            Watched(self.inference_service, self.namespace, self.component),
            HalfReader(context.schema, naming, mask, self.max_ahead),
        )

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
        given = self.model_fields_set
        if self.format == "kserve":
            if self.inference_service is None:
                raise ValueError("inference_service: expected the name of the one whose events these are")
            unused = next((key for key in ("timestamp", "csv") if key in given), None)
            if unused is not None:
                raise ValueError(
                    f"{unused}: objects of KServe's logger have a form of their own, and their time is that "
                    "at which they were written; expected no such key"
                )
            check_names(self.inputs, self.outputs, "inputs")
            return self
        misplaced = next((key for key in KSERVE_KEYS if key in given), None)
        if misplaced is not None:
            raise ValueError(f"{misplaced}: belongs to format: kserve, and this is {self.format}")
        return self
