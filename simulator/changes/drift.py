"""Drift of a column: sudden, gradual (in more and more rows), incremental (by a growing amount) or recurring.

The four forms of drift are those of Gama et al., "A survey on concept drift adaptation" (2014), figure 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import model_validator

from simulator.changes.cells import deviation, numbers, with_label, with_numbers
from simulator.changes.span import Growing, Length, Names, Options, Share, Span, Until, chosen, length, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.changes.stream import Stream


class Shift(Options):
    """How far numbers move, by one of three amounts.

    - `columns`: the columns that move.
    - `shift`: added to the values.
    - `deviations`: added, in standard deviations of the column.
    - `scale`: multiplies the values.
    """

    columns: Names
    shift: float | None = None
    deviations: float | None = None
    scale: float | None = None

    def moved(
        self, stream: Stream, name: str, places: NDArray[np.intp], strength: NDArray[np.float64]
    ) -> Stream:
        """Move the numbers at `places` by the fraction `strength` (0 to 1, shape (k,)) of the whole shift."""
        values = numbers(stream, name)
        here = values[places]
        with np.errstate(over="ignore", invalid="ignore"):
            if self.scale is not None:
                by = here * (self.scale - 1.0)
            else:
                by = np.full(len(here), self.shift or (self.deviations or 0.0) * deviation(values))
            return with_numbers(stream, name, places, here + strength * by)


class ShiftAlone(Shift):
    """A shift by exactly one amount."""

    @model_validator(mode="after")
    def _one_effect(self) -> ShiftAlone:
        given = [key for key in ("shift", "deviations", "scale") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of shift, deviations and scale, got {_listed(given)}")
        return self


class Effect(Shift):
    """A shift, or a `label` that replaces the rows' own values."""

    label: str | int | float | None = None

    @model_validator(mode="after")
    def _one_effect(self) -> Effect:
        given = [k for k in ("shift", "deviations", "scale", "label") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected exactly one of shift, deviations, scale and label, got {_listed(given)}"
            )
        return self

    def on(self, stream: Stream, places: NDArray[np.intp]) -> Stream:
        """Apply the full effect to the rows at `places`, in every named column."""
        for name in self.columns:
            if self.label is not None:
                stream = with_label(stream, name, places, self.label)
            else:
                stream = self.moved(stream, name, places, np.ones(len(places)))
        return stream


class Sudden(Effect, Span):
    """A `share` of the span's rows, all of them by default, changes in full."""

    share: Share = 1.0


class Gradual(Effect, Growing):
    """Unchanged and fully changed rows are mixed, with more and more of the latter."""


class Incremental(ShiftAlone, Growing):
    """Every row moves, each a little further than the one before it."""


class Recurring(Effect, Until):
    """The change holds for the first `over` (half by default) of every `every`, from `from` to `until`."""

    every: Length
    share: Share = 1.0

    def active(self, stream: Stream) -> NDArray[np.intp]:
        """Return the places of the rows for which the change holds."""
        first = self.start(stream)
        period = length(stream, self.every)
        part = length(stream, self.over) if self.over is not None else period // 2
        places = within(stream, self.bounds(stream))
        return places[(stream.times[places] - first) % period < part]


def sudden(stream: Stream, options: Sudden, random: np.random.Generator) -> Stream:
    """Change the column in full from one moment on."""
    return options.on(stream, chosen(within(stream, options.bounds(stream)), options.share, random))


def gradual(stream: Stream, options: Gradual, random: np.random.Generator) -> Stream:
    """Change rows in full, with a probability that grows from 0 to 1."""
    places = within(stream, options.bounds(stream))
    return options.on(stream, chosen(places, options.strength(stream, places), random))


def incremental(stream: Stream, options: Incremental, random: np.random.Generator) -> Stream:
    """Move every row by a shift that grows from 0 to its full size."""
    del random  # deterministic
    places = within(stream, options.bounds(stream))
    strength = options.strength(stream, places)
    for name in options.columns:
        stream = options.moved(stream, name, places, strength)
    return stream


def recurring(stream: Stream, options: Recurring, random: np.random.Generator) -> Stream:
    """Change the column periodically, as seasons do."""
    return options.on(stream, chosen(options.active(stream), options.share, random))


def _listed(given: list[str]) -> str:
    return " and ".join(given) or "none"
