"""What one cycle leaves behind: the unit that a store writes in one transaction.

All instants are UTC microseconds since 1970 (int), so that the core never touches a clock or a time zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from service.core.labels.remeasure import Labelling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.labels.pending_rows import PendingRows
    from service.core.measurement import Measurement
    from service.core.reference.bins import Binned


class Outcome(StrEnum):
    """How a cycle ended."""

    MEASURED = "measured"  # at least one window was measured
    ADVANCED = "advanced"  # rows were taken, no window closed
    IDLE = "idle"  # the source had nothing new
    SKIPPED = "skipped"  # its slot passed while an earlier cycle ran
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a monitor's source has been read and its windows measured.

    `cycle` counts committed cycles and is the optimistic lock: a commit names the cycle that it follows.
    `position` belongs to the source (JSON-able). `rows` counts the rows placed in panes, `closed` is the key
    of the last pane whose window was measured. `alarms` is what `methods/alarm.py` knows of the last windows,
    `detectors` the state of each change-point detector as text (`methods/error_stream.py`),
    `labelling` how far late labels were followed up.
    """

    cycle: int = 0
    position: dict[str, Any] | None = None
    rows: int = 0
    watermark: int | None = None
    closed: int | None = None
    alarms: dict[str, str] = field(default_factory=dict)
    detectors: dict[str, str] = field(default_factory=dict)
    labelling: Labelling = field(default_factory=Labelling)


@dataclass(frozen=True, slots=True)
class PaneRecord:
    """One pane's profile as bytes; `key` counts panes from the grid's origin."""

    key: int
    start: int
    end: int
    rows: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """One measured window: panes `first` to `last`, of which `panes` hold rows.

    `distributions` are its columns by the reference's bins, one a column or none at all.
    Of its `rows` `labelled` have a label, and `pending` ones have a prediction and wait for theirs.
    """

    first: int
    last: int
    start: int
    end: int
    panes: int
    rows: int
    measurements: tuple[Measurement, ...]
    distributions: tuple[Binned, ...] = ()
    labelled: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be placed: what it was (JSON-able) and why it was refused."""

    row: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth a mark on a chart: a breach, a recovery, a schema change."""

    kind: str
    at: int
    message: str
    column: str = ""
    metric: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """What a cycle changes of the rows that wait for labels, in this order.

    The rows of the ids `identity` (64-bit, signed) wait no longer, those of an event time before
    `given_up_before` are given up, and `waiting` are new. `labels` counts the labels that found their row.
    """

    identity: Sequence[int]
    waiting: PendingRows
    given_up_before: int | None = None
    labels: int = 0


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """Everything that one committed cycle adds.

    `layout` fingerprints what panes depend on (schema, pane size); panes of another layout are never mixed
    in. `slot` is the grid point that the cycle belongs to, `rejected` counts all rejects of which `rejects`
    are kept. `progress` is the share of the source that was read, None where it has no end.
    `labels` is None where the monitor expects none.
    """

    monitor: str
    layout: str
    after: Checkpoint
    slot: int
    started: int
    rows: int
    panes: tuple[PaneRecord, ...] = ()
    windows: tuple[WindowRecord, ...] = ()
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    events: tuple[Event, ...] = ()
    lag_seconds: float | None = None
    progress: float | None = None
    labels: LabelRecord | None = None

    @property
    def outcome(self) -> Outcome:
        """How this cycle is logged."""
        if self.windows:
            return Outcome.MEASURED
        labelled = self.labels is not None and self.labels.labels
        return Outcome.ADVANCED if self.rows or labelled else Outcome.IDLE
