"""For how long halves are waited for: a time in which nothing could be taken does not count."""

from __future__ import annotations

from dataclasses import dataclass

from service.core.time_units import SECOND

MIN_BREAK_US = 60 * SECOND
USUAL_GAPS = 3  # so many times the usual time between two takes is a break


@dataclass(slots=True)
class Patience:
    """Notices breaks between takes: a stop of the service, or of the database.

    After one, halves may still lie on a disk and wait to be drained: everything is waited for once more.
    """

    looked: int | None = None
    gap: int | None = None
    resumed: int = 0

    def until(self, now: int, wait_us: int, *, oldest: int | None) -> int | None:
        """Return the instant before which halves that came are waited for no longer; None: all are.

        `oldest` is when the oldest event came that was not taken yet: its other half may be among these.
        """
        gap = None if self.looked is None else now - self.looked
        usual = MIN_BREAK_US if self.gap is None else max(MIN_BREAK_US, USUAL_GAPS * self.gap)
        if gap is None or gap > usual:
            self.resumed = now
        self.looked, self.gap = now, gap
        if now - self.resumed < wait_us:
            return None
        return (now if oldest is None else min(now, oldest)) - wait_us
