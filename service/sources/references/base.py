"""The base of every reference section: which rows windows are compared with, and how they are read."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from service.config.base import Section
from service.sources.references.moving import Moving

if TYPE_CHECKING:
    from service.core.inbox import SentReference
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.base import SourceConfig


class ReferenceConfig(Section):
    """A monitor file's `reference` section; a subclass names its kind (`type: Literal[...]`), adds its keys.

    Windows are compared with its rows, or, with `moving`, only until there are enough earlier windows.
    """

    moving: Moving | None = None

    def check(self, source: SourceConfig) -> None:
        """Raise ValueError where the reference cannot be read for a monitor of this `source`."""

    def sent(self, source: SourceConfig) -> SentReference | None:
        """Return which of the rows that come to the source are it; None where none of them are."""
        del source
        return None

    def hindrance(self) -> str | None:
        """Return why this machine cannot read it, whatever its rows are; None where nothing is known."""
        return None

    @abstractmethod
    def load(self, source: SourceConfig, schema: Schema) -> Batch:
        """Read the rows; called on a worker thread. Raises ReferenceDataError where they cannot be read."""
