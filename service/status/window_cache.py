"""Keep newest windows between cycles: a page asks several questions of the same one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from service.core.read_models import NewestWindow, RaisedAlarm

    Version = tuple[Any, ...]
    Read = tuple[NewestWindow, Sequence[RaisedAlarm]]

MAX_MEASUREMENTS = 60_000  # of all windows that are kept, about 40 MB


class WindowCache:
    """The newest windows that were read last, with the alarms, each under the version that it was read at."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Version, Read]] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, monitor: str, version: Version, read: Callable[[], Awaitable[Read]]) -> Read:
        """Return what is kept of `monitor` at `version`, else what `read` returns.

        Several who ask at the same time share one reading.
        """
        turn = self._turns.setdefault(monitor, asyncio.Lock())
        async with turn:
            kept = self._kept.get(monitor)
            if kept is not None and kept[0] == version:
                self._kept.move_to_end(monitor)
                return kept[1]
            found = await read()
            self._kept[monitor] = version, found
            self._kept.move_to_end(monitor)
            self._trim()
            return found

    def _trim(self) -> None:
        sizes = {name: len(read[0].measurements) for name, (_, read) in self._kept.items()}
        total = sum(sizes.values())
        while total > MAX_MEASUREMENTS and len(self._kept) > 1:
            name, _ = self._kept.popitem(last=False)
            total -= sizes[name]
