"""Labels of rows that come in files, which are sent by HTTP; rows that are sent there are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.errors import NoInboxError
from service.sources.http.receiver import HttpReceiver

if TYPE_CHECKING:
    from service.core.inbox import Posted, Received
    from service.core.rows.masking import RowMask
    from service.sources.context import LabelFile
    from service.sources.http.content import RowShape


@dataclass(frozen=True, slots=True)
class LabelReceiver:
    """Reads the labels that are sent to one monitor.

    - `monitor`: its name
    - `path`: where its rows come from
    - `shape`: what is read of rows
    - `masking`: of its sensitive columns
    - `ahead_us`: how far a label's time may lie ahead of its arrival (microseconds)
    - `labels`: how late labels are written; None where the monitor expects none
    """

    monitor: str
    path: str
    shape: RowShape
    masking: RowMask
    ahead_us: int
    labels: LabelFile | None

    def read_rows(self, posted: Posted, received: int) -> Received:
        """Refuse rows: they would be measured besides those of the files."""
        del posted, received
        raise NoInboxError(
            f"{self.monitor} reads its rows from the files {self.path}; expected them there, and labels "
            "alone here"
        )

    def read_labels(self, posted: Posted, received: int) -> Received:
        """Return the labels of a request that came at `received` (UTC microseconds). Raises IntakeError."""
        http = HttpReceiver(self.monitor, self.shape, self.masking, self.ahead_us, self.labels)
        return http.read_labels(posted, received)
