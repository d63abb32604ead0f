"""What a cycle needs from other rooms, as protocols: store and compute threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from service.core.checkpoint import Checkpoint
    from service.core.cycle_record import CycleRecord
    from service.core.deduplicate import CountedIds
    from service.core.labels.pending_rows import PendingRows
    from service.core.windows.records import PaneRecord


P = ParamSpec("P")
R = TypeVar("R")


class Compute(Protocol):
    """Where work on arrays runs, so that the event loop never waits for it."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `function` returns, raise what it raises."""
        ...

    async def run_long(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do the same with what may take long, such as a reference: no other monitor's cycle waits."""
        ...


class Store(Protocol):
    """Keeps measurements, panes and checkpoints."""

    async def checkpoint(self, monitor: str, layout: str) -> Checkpoint:
        """Return the monitor's checkpoint; a fresh one where it never ran."""
        ...

    async def panes(
        self, monitor: str, layout: str, first: int | None, last: int | None, limit: int | None = None
    ) -> Sequence[PaneRecord]:
        """Return the stored panes from key `first` to `last`, both included; None leaves a side open.

        In the order of their keys, with `limit` at most so many.
        """
        ...

    async def kept_from(self, monitor: str, layout: str) -> int | None:
        """Return the pane before which retention has dropped some of `layout`; None: it has dropped none."""
        ...

    async def panes_at(self, monitor: str, layout: str, keys: Sequence[int]) -> Sequence[PaneRecord]:
        """Return the stored panes among `keys`."""
        ...

    async def pending(self, monitor: str, identity: Sequence[int]) -> PendingRows:
        """Return the rows that wait for a label under one of these ids (64-bit hashes, signed)."""
        ...

    async def labelled_ids(self, monitor: str, identity: Sequence[int]) -> Collection[int]:
        """Return which of these ids (hashes, signed) have a row with a label."""
        ...

    async def forget_pending(self, monitor: str) -> None:
        """Forget the rows that wait for labels."""
        ...

    async def counted_ids(self, monitor: str, identity: NDArray[np.uint64]) -> CountedIds:
        """Return what is remembered of rows that counted under one of these ids (hashes, ascending)."""
        ...

    async def forget_counted_ids(self, monitor: str) -> None:
        """Forget the ids of rows that counted."""
        ...

    async def commit(self, record: CycleRecord, *, began: float) -> bool:
        """Write all of a cycle; False, with nothing written, where another service committed it first.

        `began` is when the cycle started, in seconds of the event loop's clock.
        """
        ...
