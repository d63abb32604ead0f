"""Event time over the partitions of a topic.

Rows are in order within a partition at best, never across them. So a row is late by the rows before it in its
own partition, and the watermark is that of the partition that is furthest behind. A partition that has
nothing to read and has been silent for a while does not hold the others back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.sources.event_clock import EventClock

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray


def late_rows(
    times: NDArray[np.int64], clock: EventClock, received: int, allowed_us: int
) -> NDArray[np.bool_]:
    """Mark the rows of a partition that lie more than `allowed_us` behind a row before them, shape (n,).

    Each is compared with the rows before it, so that it does not matter how many are read at once.
    """
    if not len(times):
        return np.zeros(0, dtype=np.bool_)
    first = min(int(times[0]), received) if clock.watermark is None else clock.watermark
    newest = np.maximum.accumulate(np.concatenate([[first], np.minimum(times, received)[:-1]]))
    return np.asarray(times < newest - allowed_us, dtype=np.bool_)


def watermark_of(
    clocks: Mapping[int, EventClock],
    waiting: Collection[int],
    *,
    now: int,
    idle_after_us: int,
    earliest: int | None,
) -> int | None:
    """Return the watermark of a topic, None before its first row.

    - `clocks`: of the partitions from which rows came
    - `waiting`: the partitions that have more to read
    - `earliest`: the earliest time of the rows that were taken just now
    """
    known = {each: clock for each, clock in clocks.items() if clock.watermark is not None}
    if not known:
        return earliest
    active = [
        clock.watermark
        for each, clock in known.items()
        if clock.watermark is not None
        and (each in waiting or clock.arrived is None or now - clock.arrived <= idle_after_us)
    ]
    if any(each not in known for each in waiting) and earliest is not None:
        active.append(earliest)  # a partition of which nothing was read yet holds the others back
    if active:
        return min(active)
    newest = max(clock.watermark for clock in known.values() if clock.watermark is not None)
    arrived = [clock.arrived for clock in known.values() if clock.arrived is not None]
    return EventClock(newest, max(arrived, default=None)).idle_watermark(now, idle_after_us)
