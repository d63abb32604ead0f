"""A source whose sensitive columns leave it masked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from service.errors import SourceError
from service.sources.protocol import SeekableSource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from service.core.rows.label_form import LabelForm
    from service.core.rows.masking import Masking
    from service.core.rows.take import Take
    from service.sources.protocol import Source


class MaskedSource:
    """Gives another source's takes, masked: nothing behind it sees a sensitive value."""

    def __init__(
        self, source: Source, masking: Masking, forms: Callable[[], Awaitable[Mapping[str, LabelForm]]]
    ) -> None:
        """Wrap a source; `forms` gives those that the reference fixed for the labels of its columns."""
        self._source = source
        self._masking = masking
        self._forms = forms

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the source's take, masked on a thread: every distinct value is hashed."""
        take = await self._source.take(position)
        return await asyncio.to_thread(self._masking.take, take, await self._forms())

    async def position_at(self, instant: int) -> dict[str, Any]:
        """Return the source's position before an instant; raises SourceError where it knows none."""
        if not isinstance(self._source, SeekableSource):
            raise SourceError("the source has no place for a time; expected to read it from its start")
        return await self._source.position_at(instant)

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()
