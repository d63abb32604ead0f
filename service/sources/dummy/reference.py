"""The dummy's reference: rows drawn as the source draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from service.sources.dummy.config import DummyConfig
from service.sources.dummy.source import reference_batch
from service.sources.references.base import ReferenceConfig

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.base import SourceConfig


class DummyReference(ReferenceConfig):
    """Random rows, as many as `rows`, drawn with the dummy source's seed, or with 0 for any other source."""

    type: Literal["dummy"]
    rows: int = Field(default=2_000, ge=2)

    def load(self, source: SourceConfig, schema: Schema) -> Batch:
        """Return the rows."""
        del schema  # the dummy's columns are always the same
        return reference_batch(self.rows, source.seed if isinstance(source, DummyConfig) else 0)
