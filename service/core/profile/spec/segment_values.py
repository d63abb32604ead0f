"""The values of a column whose rows are measured separately, fixed by the reference."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.profile.distribution import labelled

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution

MAX_VALUES = 50
REST = OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True, slots=True)
class SegmentValues:
    """The values of a column that have a segment each; behind them come `OTHER` and `MISSING`.

    Attributes:
        values: The values, sorted.
        found: How many values the reference has.
        cap: How many may have a segment.

    """

    values: tuple[str, ...]
    found: int = 0
    cap: int = MAX_VALUES

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any value."""
        return hashlib.sha256(repr(self.values).encode(errors="surrogatepass")).hexdigest()[:16]


def values_of(reference: Distribution, *, cap: int = MAX_VALUES) -> SegmentValues:
    """Fix a column's segments by its reference: the `cap` values of most rows.

    Of equally frequent ones the first by name. A value that reads as `OTHER` or `MISSING` is one of the
    others, so that no two segments share a name.
    """
    named = labelled(reference)
    names: list[str] = named.values.tolist()
    counts = named.counts.tolist()
    order = sorted(range(len(names)), key=lambda i: (-counts[i], names[i]))
    kept = [names[i] for i in order if names[i] not in REST][:cap]
    return SegmentValues(tuple(sorted(kept)), len(names), cap)


def beyond_cap(column: str, values: SegmentValues) -> str | None:
    """Return what to say where the reference has more values than may have a segment, else None."""
    if values.found <= values.cap:
        return None
    return (
        f"by: {column!r} has {values.found} values in the reference; the {values.cap} most frequent are "
        f"measured separately, all others together as {column}={OTHER}; to see more of them, name a "
        "column of fewer values, such as groups of them made where the rows come from"
    )
