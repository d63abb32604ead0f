"""What a source hands over in one cycle: typed rows, what had to be refused, and where it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.late_labels import LateLabels


@dataclass(frozen=True, slots=True)
class Take:
    """One batch and the position after it.

    `position` is JSON-able and opaque to everyone but its source. `watermark` (UTC microseconds) promises
    that no row of an earlier event time will follow; None where the source cannot promise. `exhausted` says
    that nothing will ever follow; `live` that the rows are taken as they come, not replayed. `rejected`
    counts the refused rows, of which `rejects` are kept. `progress` is the share of the source that was
    read (0 to 1), `lag_seconds` how far behind the newest row it stands; None where unknown. `labels` came
    after the rows of this take and of earlier ones; None where the source has none to hand over.
    """

    batch: Batch
    position: dict[str, Any]
    watermark: int | None = None
    exhausted: bool = False
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    progress: float | None = None
    lag_seconds: float | None = None
    labels: LateLabels | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be placed: what it was (JSON-able) and why it was refused."""

    row: dict[str, Any]
    reason: str
