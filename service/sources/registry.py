"""The kinds of source and of reference that a monitor file can name: one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from service.sources.dummy.config import DummyConfig
from service.sources.dummy.reference import DummyReference
from service.sources.files.config import FilesConfig
from service.sources.http.config import HttpConfig
from service.sources.kafka.config import KafkaConfig
from service.sources.kserve.config import KserveConfig
from service.sources.otlp.config import OtlpConfig
from service.sources.postgres_table.config import TableConfig
from service.sources.references.file import FileReference
from service.sources.replay.config import ReplayConfig

if TYPE_CHECKING:
    from service.sources.base import SourceConfig

Sources = (
    ReplayConfig
    | HttpConfig
    | KafkaConfig
    | KserveConfig
    | OtlpConfig
    | TableConfig
    | FilesConfig
    | DummyConfig
)
References = FileReference | DummyReference

AnySource = Annotated[Sources, Field(discriminator="type")]
AnyReference = Annotated[References, Field(discriminator="type")]

SOURCES: tuple[type[SourceConfig], ...] = get_args(Sources)
