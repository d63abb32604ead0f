"""What every source can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from service.core.rows.take import Take


class Source(Protocol):
    """Rows in a fixed order; the reader's position is owned by the checkpoint, never by the source."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the rows after `position` (None: from the start); the same position gives the same rows.

        So it is with labels that came after their rows: a source that has some hands them over in `labels`.
        Raises SourceError where rows cannot be had now; a row that is bad is a reject, not an error.
        """
        ...

    async def close(self) -> None:
        """Give back whatever the source holds."""
        ...
