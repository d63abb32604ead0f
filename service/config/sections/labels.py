"""Schema of a monitor file's section on labels that come after their rows, from a file or sent by HTTP."""

from __future__ import annotations

from pydantic import Field

from service.config.base import Duration, Section
from service.core.time_units import SECOND
from service.sources.table_config import CsvConfig, Timestamp, TimestampConfig


class LabelsConfig(Section):
    """Labels: the id of the row, the label, and when it became known.

    - `path`: a file, a folder or a pattern of files, one row per label; none where labels are sent.
    - `timestamp`: the column that says when the label became known, or how its times are written too.
    - `csv`: the dialect where they are CSV files.
    - `id`: the column of the id; named as the monitor's own unless said otherwise.
    - `target`: the label's column; named as the monitor's own unless said otherwise.
    - `wait`: how long a row waits for its label.
    """

    path: str | None = None
    timestamp: Timestamp = TimestampConfig(column="labelled_at")
    id: str | None = None
    target: str | None = None
    csv: CsvConfig | None = None
    wait: Duration = Field(default=30 * 86_400 * SECOND, gt=0)
