"""What the intake needs from other rooms, as protocols: where rows are kept, and threads to read them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from service.core.inbox import Backlog, Receipt, Sent

P = ParamSpec("P")
R = TypeVar("R")


class Compute(Protocol):
    """Where content is read, so that the event loop never waits for it."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `function` returns, raise what it raises."""
        ...


class InboxStore(Protocol):
    """The durable inbox. Methods raise StoreError, and StoreUnavailableError where the database is away."""

    async def append(self, sent: Sequence[Sent], *, seconds: float | None = None) -> Sequence[Receipt]:
        """Keep requests in one transaction; what was kept under its key before is not kept again.

        `seconds` is how long the database may take; None: as long as a sender waits.
        """
        ...

    async def append_segment(self, name: str, sent: Sequence[Sent]) -> Mapping[str, int]:
        """Keep the requests of a spool file in one transaction, once: its name is a key.

        Returns how many rows were kept of monitors that have no file any more: nobody measures them.

        They were acknowledged: where other content was kept under a request's key, it is kept without one.
        """
        ...

    async def ping(self) -> None:
        """Ask the database for nothing, to see that it answers."""
        ...

    async def is_committed(self, transaction: str) -> bool | None:
        """Return whether a transaction was committed; None while it runs."""
        ...

    async def backlog(self) -> Mapping[str, Backlog]:
        """Return what waits, by monitor."""
        ...

    async def forget_keys(self, days: int) -> None:
        """Delete keys that are older than `days`."""
        ...
