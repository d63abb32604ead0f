"""A column's rows counted in bins that the reference fixed: one histogram per window.

Numbers are counted in equal-width bins [edge, next edge) over the bulk of the reference (its 1 % to 99 %
quantiles) and one open bin on each side, which holds the infinities too; labels by the reference's most
frequent ones, all others together. The last bin is that of the rows without a value: empty, unreadable, or
without the column. So every row is in one bin, and the counts of two parts add up to those of the whole,
but for numbers that compression moved over an edge. Of texts the lengths are counted. Where a window's rows
in the open bins lie is kept as well (`further_bins.py`). Pictures only: no verdict rests on them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.distribution import labelled, quantile
from service.core.reference.further_bins import (
    NO_EDGES,
    NO_REACH,
    NO_TAIL,
    FurtherEdges,
    Reach,
    Tail,
    edges_beyond,
    reach_of,
    tail_of,
)
from service.core.rows.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Schema

MAX_LABELS = 20
WANTED_BINS = 16
BULK = (0.01, 0.99)
MAX_STEPS = 2.0**40  # edges further from zero than so many widths would fall together
NICE_WIDTHS = (1.0, 2.0, 2.5, 5.0, 10.0)
OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True, slots=True)
class Bins:
    """One column's bins, in the order in which they are drawn.

    Attributes:
        column: The column's name.
        kind: Whether the bins are of numbers or of labels.
        low: Each bin's lower end (included), None where there is none.
        high: Each bin's upper end (excluded), None where there is none.
        labels: Each bin's name.
        counts: The reference's rows in each bin.
        further: The edges of the bins that continue the open ones; none for labels.
        tail: The reference's rows in those.

    """

    column: str
    kind: Kind
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    further: FurtherEdges = NO_EDGES
    tail: Tail = NO_TAIL

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits of everything here."""
        if self.kind is not Kind.NUMERICAL:
            return self.former_fingerprint
        return _fingerprint((self.former_fingerprint, self.further, self.tail))

    @property
    def former_fingerprint(self) -> str:
        """The fingerprint under which these bins were stored before there were further ones."""
        return _fingerprint((self.column, self.kind.value, self.low, self.high, self.labels, self.counts))


@dataclass(frozen=True, slots=True)
class Binned:
    """A window's rows of one column.

    Attributes:
        bins: The column's bins.
        counts: The rows in each of them.
        tail: Those of the open bins by the further bins.
        reach: How many further bins are worth drawing.

    """

    bins: Bins
    counts: tuple[int, ...]
    tail: Tail = NO_TAIL
    reach: Reach = NO_REACH


def of_reference(reference: Profile, schema: Schema) -> tuple[Bins, ...]:
    """Fix the bins of every column, in the schema's order."""
    return tuple(
        _fixed(column.name, column.kind.counted, reference.columns[column.name]) for column in schema.columns
    )


def counted(spec: Sequence[Bins], current: Profile) -> tuple[Binned, ...]:
    """Count the rows of a window by the bins of each column."""
    return tuple(_binned(bins, current.columns[bins.column]) for bins in spec)


def _binned(bins: Bins, column: ColumnProfile) -> Binned:
    counts, kept = _counts(bins, column), column.distribution
    if bins.kind is not Kind.NUMERICAL or not kept.is_numeric:
        return Binned(bins, counts)
    tail = tail_of(kept, bins.further)
    return Binned(bins, counts, tail, reach_of(tail, counts[0], counts[-2], column.rows))


def _fixed(name: str, kind: Kind, column: ColumnProfile) -> Bins:
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    if kind is Kind.NUMERICAL:
        inner = _edges(column.distribution)
        low, high = (None, *inner, None), (*inner, None, None)
        labels = tuple(_between(*ends) for ends in zip(low[:-1], high[:-1], strict=True))
    else:
        labels = (*_frequent(labelled(column.distribution)), OTHER)
        low = high = (None,) * (len(labels) + 1)
    further = edges_beyond([edge for edge in low if edge is not None])
    empty = Bins(name, kind, low, high, (*labels, MISSING), (), further)
    counted_here = _binned(empty, column)
    return replace(empty, counts=counted_here.counts, tail=counted_here.tail)


def _counts(bins: Bins, column: ColumnProfile) -> tuple[int, ...]:
    kept = column.distribution
    if bins.kind is Kind.CATEGORICAL:
        inside = _by_label(labelled(kept), bins.labels[:-2])
    elif kept.is_numeric:
        inside = _by_size(kept, [edge for edge in bins.low[:-1] if edge is not None])
    else:
        inside = [0] * (len(bins.labels) - 1)  # labels under numbers: no row of them can be placed
    return (*inside, column.rows - sum(inside))


def _by_size(kept: Distribution, edges: list[float]) -> list[int]:
    below = np.zeros(kept.distinct + 1, dtype=np.int64)
    np.cumsum(kept.counts, out=below[1:])
    marks = [0, *below[kept.values.searchsorted(np.array(edges, dtype=np.float64))].tolist(), kept.finite]
    inside = [after - before for before, after in pairwise(marks)]
    inside[0] += kept.negative_infinite
    inside[-1] += kept.positive_infinite
    return inside


def _by_label(kept: Distribution, labels: tuple[str, ...]) -> list[int]:
    if not kept.distinct or not labels:
        return [*([0] * len(labels)), kept.finite]
    wanted = np.array(labels, dtype=np.str_)
    places = np.minimum(kept.values.searchsorted(wanted), kept.distinct - 1)
    found = np.where(kept.values[places] == wanted, kept.counts[places], 0)
    return [*found.tolist(), kept.finite - int(found.sum())]


def _frequent(kept: Distribution) -> list[str]:
    order = np.argsort(-kept.counts, kind="stable")[:MAX_LABELS]
    found: list[str] = kept.values[order].tolist()
    return found


def _edges(kept: Distribution) -> tuple[float, ...]:
    """Return the ends of the closed bins, rising: few or none where the reference has no bulk to cut."""
    if not kept.is_numeric or not kept.distinct:
        return ()
    first, last = (quantile(kept, share) for share in BULK)
    if first == last:
        first, last = float(kept.values[0]), float(kept.values[-1])
    width = _width(first, last, whole=bool((kept.values == np.floor(kept.values)).all()))
    if not width:
        return tuple(sorted({first, last}))
    places = range(math.floor(first / width), math.floor(last / width) + 2)
    # Three tenths are 0.30000000000000004 when multiplied: the number that people write is meant.
    digits = max(0, 1 - math.floor(math.log10(width)))
    steps = [place * width for place in places]
    rounded = [round(step, digits) + 0.0 for step in steps]
    edges = rounded if len(set(rounded)) == len(steps) else steps
    return tuple(edges if math.isfinite(edges[0]) and math.isfinite(edges[-1]) else sorted({first, last}))


def _width(first: float, last: float, *, whole: bool) -> float:
    """Return the round width that cuts the range into about WANTED_BINS; 0 where none can be found."""
    ideal = (last - first) / WANTED_BINS
    if first == last:
        ideal = max(abs(first) / WANTED_BINS, 1.0)
    if not math.isfinite(ideal) or not ideal > 0:
        return 0.0
    power = math.floor(math.log10(ideal))
    with np.errstate(all="ignore"):
        scale = float(np.float64(10.0) ** power)
    choices = [nice * scale for nice in NICE_WIDTHS if nice * scale > 0]
    if whole:  # with a width of 2.5 every other bin would hold three whole numbers and the next one two
        choices = [width for width in choices if width.is_integer()] or [1.0]
    if not choices or max(abs(first), abs(last)) / max(choices) > MAX_STEPS:
        return 0.0
    return min(choices, key=lambda width: abs(math.log(width / ideal)))


def _fingerprint(held: object) -> str:
    return hashlib.sha256(repr(held).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _between(low: float | None, high: float | None) -> str:
    if low is None:
        return "any number" if high is None else f"below {high:.6g}"
    return f"{low:.6g} and above" if high is None else f"{low:.6g} to {high:.6g}"
