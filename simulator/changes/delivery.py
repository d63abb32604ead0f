"""Rows and labels that come twice, late, in a rush or not at all; what they say stays as it was."""

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
    """The share of the span's rows that come again, `times` times, after `delay` or at once."""

    share: Share = 1.0
    times: int = Field(default=1, ge=1)
    delay: Delay | None = None


class Late(Span):
    """The share of the span's rows that arrive `delay` after they would have."""

    delay: Delay
    share: Share = 1.0


class LabelDelay(Span):
    """The share of the span's rows whose label comes `delay` after the row's event time."""

    delay: Delay
    share: Share = 1.0


class Spike(Span):
    """How many times as many rows there are."""

    factor: float = Field(default=3.0, gt=1)


class Outage(Span):
    """No rows."""


def duplicated(stream: Stream, options: Duplicated, random: np.random.Generator) -> Stream:
    """Repeat rows with all that they hold, their ids and event times too."""
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    again = stream.take(np.repeat(places, options.times))
    return stream.joined(replace(again, arrivals=again.arrivals + (options.delay or 0)))


def late(stream: Stream, options: Late, random: np.random.Generator) -> Stream:
    """Let rows arrive later than others of a later event time."""
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    arrivals = stream.arrivals.copy()
    arrivals[places] += options.delay
    return replace(stream, arrivals=arrivals)


def label_delay(stream: Stream, options: LabelDelay, random: np.random.Generator) -> Stream:
    """Let the labels come after their rows."""
    if stream.columns.target is None:
        raise MisfitError("", "needs the target; name its column as target beside changes")
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    label_times = stream.label_times.copy()
    label_times[places] = np.maximum(label_times[places], stream.times[places] + options.delay)
    return replace(stream, label_times=label_times)


def spike(stream: Stream, options: Spike, random: np.random.Generator) -> Stream:
    """Add rows drawn with replacement from the span's, each between its original and the next row.

    They are alike in everything but their event time and their id, which is new.
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
    """Take the span's rows away."""
    del random  # nothing of it is left to chance
    kept = np.ones(len(stream.times), dtype=np.bool_)
    kept[within(stream, options.bounds(stream))] = False
    if not kept.any():
        raise MisfitError("", "no row is left; expected a span that is shorter than the stream")
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
