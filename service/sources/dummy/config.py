"""The dummy's section in a monitor file."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from service.sources.base import SourceConfig
from service.sources.dummy.source import DummySource

if TYPE_CHECKING:
    from service.sources.context import SourceContext


class DummyConfig(SourceConfig):
    """Random rows, one per cycle, in a table of their own; the same `seed` draws the same values."""

    is_live: ClassVar[bool] = True

    type: Literal["dummy"]
    seed: int = 0

    def build(self, context: SourceContext) -> DummySource:
        """Return the source; its table is made by its first take."""
        return DummySource(context.tables.dummy, seed=self.seed, now=context.now)
