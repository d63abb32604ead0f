"""What was seen of a monitor: its rows, its reference, its labels and what a window costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.config.monitor import Monitor
    from service.core.rows.batch import Batch
    from service.core.rows.take import Take
    from service.methods.block_test.detectable import Detectable
    from service.methods.block_test.model import BlockModel


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    - `level`: a `fault` keeps a monitor or the service from working; a `note` does not.
    - `where`: the monitor and its part, such as `churn: source`; empty where the message names a file.
    - `message`: what is there, what was expected, and what to write.
    """

    level: Literal["fault", "note"]
    where: str
    message: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.where}: {self.message}" if self.where else self.message


@dataclass(frozen=True, slots=True)
class RowsLook:
    """The rows of a source or of a reference.

    - `batch`: those that were read.
    - `complete`: whether that is all of them.
    - `rejected`: how many more are malformed or have no usable time.
    - `first_take`: of a source, the first one.
    - `notes`: of a reference, what it says of its labels and cells.
    - `span`: the first and the last event time (UTC microseconds); None without times.
    """

    batch: Batch
    complete: bool = True
    rejected: int = 0
    first_take: Take | None = None
    notes: tuple[str, ...] = ()
    span: tuple[int, int] | None = None

    @property
    def readable_times(self) -> float:
        """The share of rows that have a usable time."""
        return self.batch.rows / max(self.batch.rows + self.rejected, 1)


@dataclass(frozen=True, slots=True)
class LabelsLook:
    """The labels of a task's target.

    - `rows`: the source's rows that were read.
    - `with_label`: those of them that have a label, be it that it came late.
    - `late`: how many labels a file of late labels has, None where there is none.
    - `matched`: how many of the late ones belong to one of the rows.
    - `label_id`: an id of a late label that belongs to none, with its type; empty where there is none.
    - `row_id`: an id of a row, likewise.
    - `useless`: how many more late labels are no numbers, where the target is one.
    """

    rows: int
    with_label: int
    late: int | None = None
    matched: int | None = None
    label_id: str = ""
    row_id: str = ""
    useless: int = 0


@dataclass(frozen=True, slots=True)
class WindowLook:
    """What a window costs.

    - `panes`: how many it has.
    - `pane_rows`: the rows of a usual pane.
    - `pane_bytes`: what that takes in the database.
    """

    panes: int
    pane_rows: int
    pane_bytes: int

    @property
    def window_bytes(self) -> int:
        """What the panes of a window take together."""
        return self.panes * self.pane_bytes


@dataclass(frozen=True, slots=True)
class BlocksLook:
    """What drift alarms rest on.

    - `model`: the reference by blocks.
    - `window`: how many blocks a window has, a part of one included; None where that is not known.
    - `detectable`: what can be seen of each column.
    """

    model: BlockModel
    window: float | None
    detectable: Mapping[str, Detectable]


@dataclass(frozen=True, slots=True)
class MonitorLook:
    """All that was seen of a monitor; a part that could not be read is None, and its error a finding.

    `limits` is what performance is judged by, a line per metric; `unjudged` says why others are not, and
    `strange` which columns of the source hold other categories than the reference's.
    """

    monitor: Monitor
    source: RowsLook | None = None
    reference: RowsLook | None = None
    labels: LabelsLook | None = None
    window: WindowLook | None = None
    blocks: BlocksLook | None = None
    limits: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    errors: tuple[Finding, ...] = field(default=())
