"""What a scheduler knows of one monitor's cycles."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.runtime.unrecorded import Unrecorded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.runtime.grid import Grid


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What the scheduler needs to know of a cycle that ran.

    - `exhausted`: whether nothing will ever follow
    - `waiting`: whether the source had nothing new
    - `on_record`: whether the journal has the cycle
    """

    exhausted: bool = False
    waiting: bool = False
    on_record: bool = True


@dataclass(slots=True, eq=False)
class Job:
    """One monitor's cycles and how they went."""

    name: str
    interval_seconds: float
    run: Callable[[int], Awaitable[CycleResult]]
    cycles: int = 0
    failures: int = 0  # in a row
    error: str = ""  # of the last of them
    waits: str = ""  # why the last cycle took nothing
    last_index: int = -1  # of the last grid point used
    unrecorded: Unrecorded = field(default_factory=Unrecorded)  # grid points that are not in the journal
    last_end: int | None = None  # when the last good cycle ended
    not_before: float = 0.0  # back-off, by the event loop's clock
    waits_for_store: bool = False  # the last cycle failed by the database
    exhausted: bool = False
    grid: Grid | None = None  # once they have begun; None where they run back to back
    wake: asyncio.Event = field(default_factory=asyncio.Event)  # at every grid point, and to stop
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    after: int | None = None  # the grid point after which its grid goes on, where another process began it
    elsewhere: bool = False  # another process runs its cycles, and this one only knows how they go
