"""Changes of delivery: rows and labels come twice, late, in a rush or not at all, their content unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field

from simulator.changes.cells import is_number
from simulator.changes.span import Delay, Share, Span, chosen, within
from simulator.changes.stream import AT_ONCE, MisfitError

if TYPE_CHECKING:
    from simulator.changes.stream import Stream


class Duplicated(Span):
    """A `share` of the span's rows comes again, `times` times, after `delay` or at once."""

    share: Share = 1.0
    times: int = Field(default=1, ge=1)
    delay: Delay | None = None


class Late(Span):
    """A `share` of the span's rows arrives later by `delay`."""

    delay: Delay
    share: Share = 1.0


class LabelDelay(Span):
    """The labels of a `share` of the span's rows come `delay` after the row's event time."""

    delay: Delay
    share: Share = 1.0


class Spike(Span):
    """The span has `factor` times as many rows."""

    factor: float = Field(default=3.0, gt=1)


class Outage(Span):
    """The span has no rows."""


def duplicated(stream: Stream, options: Duplicated, random: np.random.Generator) -> Stream:
    """Repeat rows exactly, including ids and event times."""
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    again = stream.take(np.repeat(places, options.times))
    return stream.joined(replace(again, arrivals=again.arrivals + (options.delay or 0)))


def late(stream: Stream, options: Late, random: np.random.Generator) -> Stream:
    """Delay the arrival of rows; their event times stay."""
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    arrivals = stream.arrivals.copy()
    arrivals[places] += options.delay
    return replace(stream, arrivals=arrivals)


def label_delay(stream: Stream, options: LabelDelay, random: np.random.Generator) -> Stream:
    """Let labels arrive after their rows."""
    if stream.columns.target is None:
        raise MisfitError("", "needs the target; name its column under the key target")
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    label_times = stream.label_times.copy()
    label_times[places] = np.maximum(label_times[places], stream.times[places] + options.delay)
    return replace(stream, label_times=label_times)


def spike(stream: Stream, options: Spike, random: np.random.Generator) -> Stream:
    """Add rows drawn with replacement from the span's, each between its original and the next row.

    They equal their originals except for their event time and a new id.
    """
    first, stop = options.bounds(stream)
    places = within(stream, (first, stop))
    more = round((options.factor - 1.0) * len(places))
    drawn = np.sort(places[random.integers(0, len(places), size=more)]) if len(places) else places
    following = np.append(stream.times[1:], stop)[drawn]
    gap = np.minimum(following, stop) - stream.times[drawn]
    offsets = np.floor(random.random(len(drawn)) * gap).astype(np.int64)
    copies = stream.take(drawn)
    added = copies.retimed(copies.times + offsets)
    moved = added.times - copies.times
    at_once = copies.label_times == AT_ONCE
    added = replace(
        added,
        arrivals=copies.arrivals + moved,
        label_times=np.where(at_once, AT_ONCE, copies.label_times + moved),
    )
    return stream.joined(_with_new_ids(added, stream, random))


def outage(stream: Stream, options: Outage, random: np.random.Generator) -> Stream:
    """Remove the span's rows."""
    del random  # deterministic
    kept = np.ones(len(stream.times), dtype=np.bool_)
    kept[within(stream, options.bounds(stream))] = False
    if not kept.any():
        raise MisfitError("", "no row would be left; expected a span shorter than the data")
    return stream.take(np.flatnonzero(kept))


def _with_new_ids(added: Stream, known: Stream, random: np.random.Generator) -> Stream:
    name = known.columns.identity
    if name is None or not len(added.times):
        return added
    column: pd.Series[Any] = known.rows[name]
    if is_number(column.dtype):
        above = int(column.max()) + 1
        ids = pd.Series(np.arange(above, above + len(added.times)), dtype=column.dtype)
    else:
        marks = random.integers(0, 2**63, size=len(added.times))
        texts = [f"{old}~{mark:x}" for old, mark in zip(added.rows[name], marks.tolist(), strict=True)]
        ids = pd.Series(texts, dtype=object)
    return added.with_column(name, ids)
