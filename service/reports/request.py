"""The input of a report: sampled rows of the window and of the reference, and where to keep it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """One report. `window` is the measured window's id, `start` and `end` its bounds (UTC microseconds).

    `current` and `reference` hold the sampled rows out of `rows` and `reference_rows`. `folder` is the
    Evidently workspace, of which each monitor has a project with the last `kept` reports.
    """

    folder: str
    kept: int
    monitor: str
    description: str
    schema: Schema
    window: int
    start: int
    end: int
    rows: int
    current: Batch
    reference_rows: int
    reference: Batch
