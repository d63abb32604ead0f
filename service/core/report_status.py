"""How far the report of a window is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.windows.records import WindowRun


class ReportState(StrEnum):
    """Whether a window's report can be opened."""

    IMPOSSIBLE = "impossible"  # there is no such window, or no row of it is kept
    POSSIBLE = "possible"  # nobody has asked for it since the service started
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """How far the report of a window is.

    - `window`: the measured window, None where there is none
    - `reason`: why it cannot be made, or why it failed
    """

    state: ReportState
    window: WindowRun | None = None
    reason: str | None = None
