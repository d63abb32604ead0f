"""Schema of a monitor file's window and alarm sections."""

from __future__ import annotations

from pydantic import Field, model_validator

from service.config.base import Duration, PositiveDuration, Section, duration_text
from service.core.time_units import SECOND
from service.core.windows.window import Unit, WindowPlan
from service.methods.alarm import AlarmPlan

MAX_PANES = 10_000  # of a window, with the windows of a rolling reference before it
MAX_ROWS = 1_000_000_000_000
# Hops that people write, in seconds.
_USUAL_HOPS = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
)


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

    size: PositiveDuration | None = None
    hop: PositiveDuration | None = None
    size_rows: int | None = Field(default=None, ge=1, le=MAX_ROWS)
    hop_rows: int | None = Field(default=None, ge=1, le=MAX_ROWS)
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
        if size % hop:
            raise ValueError("expected the size to be a whole number of hops")
        if size // hop > MAX_PANES:
            raise ValueError(
                f"a window of {self._shown(size)} in hops of {self._shown(hop)} has {size // hop:,} panes; "
                f"expected {MAX_PANES:,} at most: write {self._hop_within(MAX_PANES)}"
            )
        is_asked_for = "min_rows" in self.model_fields_set
        if self.size_rows is not None and is_asked_for and self.min_rows > self.size_rows:
            raise ValueError(
                f"min_rows is {self.min_rows:,} and a window has {self.size_rows:,} rows: none would ever "
                "have drift or performance; expected min_rows at or below size_rows"
            )
        if self.size_rows and (self.offset or self.lateness):
            raise ValueError("offset and lateness belong to windows of event time, not of rows")
        return self

    @property
    def _size_and_hop(self) -> tuple[int, int]:
        size = self.size or self.size_rows or 0
        return size, self.hop or self.hop_rows or size

    def check_panes(self, windows: int) -> None:
        """Raise ValueError where a window with the `windows` windows before it has too many panes."""
        size, hop = self._size_and_hop
        panes = size // hop * (windows + 1)
        if panes > MAX_PANES:
            raise ValueError(
                f"reference.moving.windows: {windows:,} windows and the measured one have {panes:,} panes of "
                f"{self._shown(hop)}; expected {MAX_PANES:,} at most: write fewer windows, or in `window` "
                f"{self._hop_within(MAX_PANES // (windows + 1))}"
            )

    def _shown(self, length: int) -> str:
        return duration_text(length) if self.size else f"{length:,} rows"

    def _hop_within(self, panes: int) -> str:
        """Return the shortest usual hop with which a window has at most `panes` panes, as it is written."""
        size, _ = self._size_and_hop
        usual = [seconds * SECOND for seconds in _USUAL_HOPS] if self.size else []
        fitting = (hop for hop in usual if size % hop == 0 and size // hop <= panes)
        hop = next(fitting, None) or size // next(n for n in range(panes, 0, -1) if size % n == 0)
        written = f"hop: {duration_text(hop)}" if self.size else f"hop_rows: {hop}"
        return f"{written} or more"

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
