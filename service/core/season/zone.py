"""A time zone as a table of its offsets, resolved by whoever may read the time zone database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A time zone's offsets from UTC; arrays are read-only.

    Zones are equal where their names are: a newer time zone database is no other zone.

    Attributes:
        name: Its name, such as Europe/Berlin.
        starts: The instants at which an offset begins (int64 UTC microseconds, shape (k,), rising).
        offsets: Local time less UTC from each of them on (int64 microseconds, shape (k,)). The first also
            holds for what lies before.

    """

    name: str
    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse a table that does not rise, and make the arrays read-only."""
        if not len(self.starts) or len(self.starts) != len(self.offsets) or (np.diff(self.starts) <= 0).any():
            raise ValueError(
                f"{self.name}: expected rising starts with one offset each, at least one of them"
            )
        self.starts.flags.writeable = False
        self.offsets.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        """Compare by name."""
        return self.name == other.name if isinstance(other, Zone) else NotImplemented

    def __hash__(self) -> int:
        """Hash by name."""
        return hash(self.name)

    def local(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the zone's clock shows at `times` (UTC microseconds, shape (n,)), counted alike."""
        shift: NDArray[np.int64] = self.offsets[:1]
        if len(times):
            first, last = self.starts.searchsorted([times.min(), times.max()], side="right").tolist()
            shift = self.offsets[max(first - 1, 0) : max(last, 1)]
            if len(shift) > 1:  # the clock changed among them
                later = self.starts[max(first, 1) : last]
                shift = shift[later.searchsorted(times, side="right")]
        local: NDArray[np.int64] = times + shift
        return local


UTC = Zone("UTC", np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
