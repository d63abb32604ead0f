"""The formats of files' records that a monitor file can name: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.sources.files.formats import bentoml, inference_table, kserve, sagemaker
from service.sources.table_config import TimestampConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.inbox import PushedEvent
    from service.sources.files.formats.exploded import Exploding


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """How records are read.

    - `explode`: gives the rows of a record; None where a record is a row
    - `timestamp`: where the time is, unless a monitor file says otherwise
    - `event_of`: gives the event that a record is, where records are requests and responses to be paired
    """

    explode: Exploding | None = None
    timestamp: TimestampConfig | None = None
    event_of: Callable[[Mapping[str, Any]], PushedEvent] | None = None


FORMATS = {
    "rows": RecordFormat(),
    "bentoml": RecordFormat(bentoml.rows_of, TimestampConfig(column="timestamp")),
    "sagemaker": RecordFormat(sagemaker.rows_of, TimestampConfig(column="inferenceTime")),
    "inference_table": RecordFormat(
        inference_table.rows_of, TimestampConfig(column="timestamp_ms", unit="ms")
    ),
    "kserve": RecordFormat(event_of=kserve.event_of),
}
