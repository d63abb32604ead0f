"""Schema of a monitor file's window and alarm sections."""

from __future__ import annotations

from pydantic import Field, model_validator

from service.config.base import Duration, Section
from service.core.windows.window import Unit, WindowPlan
from service.methods.alarm import AlarmPlan


class WindowConfig(Section):
    """Windows, which are compared with the reference.

    - `size`: the event time of a window; or
    - `size_rows`: its number of rows.
    - `hop`, `hop_rows`: how far each window lies from the one before; the size unless given.
    - `offset`: windows of event time start at this plus whole hops from 1970 (UTC).
    - `lateness`: how long a window of event time waits for late rows before it is measured; rows that come
      still later have it measured again.
    - `min_rows`: a window with fewer rows has neither drift nor performance, only the reason.
    """

    size: Duration | None = None
    hop: Duration | None = None
    size_rows: int | None = Field(default=None, ge=1)
    hop_rows: int | None = Field(default=None, ge=1)
    offset: Duration = 0
    lateness: Duration = 0
    min_rows: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _whole_hops(self) -> WindowConfig:
        if (self.size is None) == (self.size_rows is None):
            raise ValueError("expected one of size (event time, such as 7d) and size_rows (a number of rows)")
        if (self.hop and self.size_rows) or (self.hop_rows and self.size):
            raise ValueError("expected hop with size, or hop_rows with size_rows")
        size, hop = self._size_and_hop
        if hop == 0 or size % hop:
            raise ValueError("expected the size to be a whole number of hops")
        if self.size_rows and (self.offset or self.lateness):
            raise ValueError("offset and lateness belong to windows of event time, not of rows")
        return self

    @property
    def _size_and_hop(self) -> tuple[int, int]:
        size = self.size or self.size_rows or 0
        return size, self.hop or self.hop_rows or size

    def plan(self) -> WindowPlan:
        """Return the core's form."""
        size, hop = self._size_and_hop
        unit = Unit.TIME if self.size else Unit.ROWS
        return WindowPlan(unit, hop, size // hop, self.offset, self.min_rows, self.lateness)


class AlarmConfig(Section):
    """An alarm is raised by `breaches` of the last `windows` windows, and ends by as many clear ones."""

    breaches: int = Field(default=2, ge=1)
    windows: int = Field(default=3, ge=1, le=100)

    @model_validator(mode="after")
    def _enough_windows(self) -> AlarmConfig:
        if self.breaches > self.windows:
            raise ValueError(f"expected at most {self.windows} breaches of {self.windows} windows")
        return self

    def plan(self) -> AlarmPlan:
        """Return the methods' form."""
        return AlarmPlan(self.breaches, self.windows)
