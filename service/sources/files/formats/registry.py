"""The formats of files' records that a monitor file can name: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sources.files.formats import bentoml, inference_table, sagemaker
from service.sources.table_config import TimestampConfig

if TYPE_CHECKING:
    from service.sources.files.formats.exploded import Exploding


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """How records are read.

    - `explode`: gives the rows of a record; None where a record is a row
    - `timestamp`: where the time is, unless a monitor file says otherwise
    """

    explode: Exploding | None = None
    timestamp: TimestampConfig | None = None


FORMATS = {
    "rows": RecordFormat(),
    "bentoml": RecordFormat(bentoml.rows_of, TimestampConfig(column="timestamp")),
    "sagemaker": RecordFormat(sagemaker.rows_of, TimestampConfig(column="inferenceTime")),
    "inference_table": RecordFormat(
        inference_table.rows_of, TimestampConfig(column="timestamp_ms", unit="ms")
    ),
}
