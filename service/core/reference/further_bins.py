"""Further bins in the place of a reference's open ones, for windows whose rows lie outside its bulk.

They continue the reference's bins in equal steps, then in widths that double. The reference alone fixes their
edges, so that the counts of any two windows can be compared bin by bin. A window's rows in them are kept
sparsely: most windows have few rows there. How many of them are worth drawing is the `reach` of a window.
Pictures only: no verdict rests on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.profile.distribution import Distribution

EQUAL_STEPS = 20
DOUBLINGS = 40
OPEN_PARTS = 10  # an open bin is continued when it holds more than a tenth of the rows
TAIL_PARTS = 100  # and up to where no more than a hundredth of the rows is left


@dataclass(frozen=True, slots=True)
class FurtherEdges:
    """The edges of the further bins, outwards from the reference's outermost edge, which comes first.

    A side that cannot be continued has none.
    """

    below: tuple[float, ...] = ()
    above: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """Rows in the further bins, the empty ones left out.

    Attributes:
        places: The bins: 1, 2 and so on from the highest edge upwards, -1, -2 and so on from the lowest
            downwards; rising.
        counts: The rows in each of them.

    """

    places: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """How many further bins are worth drawing on each side; 0 where the open bin stays as it is."""

    below: int = 0
    above: int = 0


NO_EDGES, NO_TAIL, NO_REACH = FurtherEdges(), Tail(), Reach()


def edges_beyond(inner: Sequence[float]) -> FurtherEdges:
    """Continue the reference's edges (finite, rising) on both sides; one edge alone has no step to repeat."""
    if len(inner) < 2:  # noqa: PLR2004  # two ends make a step
        return NO_EDGES
    step = (inner[-1] - inner[0]) / (len(inner) - 1)
    if not math.isfinite(step):
        return NO_EDGES
    return FurtherEdges(_outwards(inner[0], -step), _outwards(inner[-1], step))


def tail_of(kept: Distribution, edges: FurtherEdges) -> Tail:
    """Count the finite numbers in the further bins; those beyond the last edge are in none of them."""
    cumulative = np.zeros(kept.distinct + 1, dtype=np.int64)
    np.cumsum(kept.counts, out=cumulative[1:])

    def side(outwards: tuple[float, ...], sign: int) -> dict[int, int]:
        marks = cumulative[kept.values.searchsorted(np.array(outwards, dtype=np.float64))].tolist()
        found = {sign * place: abs(b - a) for place, (a, b) in enumerate(pairwise(marks), start=1)}
        return {place: count for place, count in found.items() if count}

    held = dict(sorted({**side(edges.below, -1), **side(edges.above, 1)}.items()))
    return Tail(tuple(held), tuple(held.values()))


def reach_of(tail: Tail, open_below: int, open_above: int, rows: int) -> Reach:
    """Return how far to continue the open bins of a window of so many rows, which hold so many each.

    A single row never adds a bin, however far away it is.
    """
    outwards = dict(zip(tail.places, tail.counts, strict=True))
    below = [(-place, outwards[place]) for place in tail.places if place < 0]
    above = [(place, outwards[place]) for place in reversed(tail.places) if place > 0]
    return Reach(_reach(below, open_below, rows), _reach(above, open_above, rows))


def texts_of(edges: Sequence[float]) -> tuple[str, ...]:
    """Return the edges as text: six digits, or as many as tell them apart."""
    short = tuple(f"{edge:.6g}" for edge in edges)
    return short if len(set(short)) == len(short) else tuple(repr(edge) for edge in edges)


def _reach(inwards: Sequence[tuple[int, int]], held_open: int, rows: int) -> int:
    if held_open * OPEN_PARTS <= rows:
        return 0
    beyond = 0
    for place, count in inwards:  # the outermost first
        beyond += count
        if beyond > 1 and beyond * TAIL_PARTS > rows:
            return place
    return 0


def _outwards(first: float, step: float) -> tuple[float, ...]:
    steps = [*range(EQUAL_STEPS + 1), *(EQUAL_STEPS + 2 ** (n + 1) - 2 for n in range(1, DOUBLINGS + 1))]
    exact = [first + place * step for place in steps]
    # Seven tenths and another one are 0.7999999999999999: the number that people write is meant.
    digits = max(0, 2 - math.floor(math.log10(abs(step))))
    rounded = [first, *(round(edge, digits) + 0.0 if math.isfinite(edge) else edge for edge in exact[1:])]
    good = _outgoing(rounded, step)
    edges = good if len(good) == len(exact) else _outgoing(exact, step)
    return edges if len(edges) > 1 else ()


def _outgoing(edges: list[float], step: float) -> tuple[float, ...]:
    # As far as they are finite and each lies further out than the one before.
    kept = edges[:1]
    for edge in edges[1:]:
        if not math.isfinite(edge) or (edge - kept[-1]) * math.copysign(1.0, step) <= 0:
            break
        kept.append(edge)
    return tuple(kept)
