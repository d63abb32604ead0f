"""A column that moves: at once, by and by in more and more rows, in ever greater steps, or again and again.

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
    """How far numbers move, one of: `shift` (added), `deviations` (of the column's own), `scale` (times)."""

    columns: Names
    shift: float | None = None
    deviations: float | None = None
    scale: float | None = None

    def moved(
        self, stream: Stream, name: str, places: NDArray[np.intp], strength: NDArray[np.float64]
    ) -> Stream:
        """Move the numbers at `places` by the part `strength` (0 to 1, shape (k,)) of the whole."""
        values = numbers(stream, name)
        here = values[places]
        with np.errstate(over="ignore", invalid="ignore"):
            if self.scale is not None:
                by = here * (self.scale - 1.0)
            else:
                by = np.full(len(here), self.shift or (self.deviations or 0.0) * deviation(values))
            return with_numbers(stream, name, places, here + strength * by)


class ShiftAlone(Shift):
    """A shift, and nothing else."""

    @model_validator(mode="after")
    def _one_effect(self) -> ShiftAlone:
        given = [key for key in ("shift", "deviations", "scale") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of shift, deviations and scale, got {_listed(given)}")
        return self


class Effect(Shift):
    """A shift, or `label`: the value that the rows get instead of their own."""

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
        """Bring the rows at `places` to the full effect, in every column named."""
        for name in self.columns:
            if self.label is not None:
                stream = with_label(stream, name, places, self.label)
            else:
                stream = self.moved(stream, name, places, np.ones(len(places)))
        return stream


class Sudden(Effect, Span):
    """A share of the rows of the span, all of them by default."""

    share: Share = 1.0


class Gradual(Effect, Growing):
    """Rows of the old kind and of the new one, mixed."""


class Incremental(ShiftAlone, Growing):
    """Every row moves, each a little further than the one before."""


class Recurring(Effect, Until):
    """From `from` until `until`, the first `over` of every `every`; half of it by default."""

    every: Length
    share: Share = 1.0

    def active(self, stream: Stream) -> NDArray[np.intp]:
        """Return the places of the rows in the parts where the change holds."""
        first = self.start(stream)
        period = length(stream, self.every)
        part = length(stream, self.over) if self.over is not None else period // 2
        places = within(stream, self.bounds(stream))
        return places[(stream.times[places] - first) % period < part]


def sudden(stream: Stream, options: Sudden, random: np.random.Generator) -> Stream:
    """Move the column in full from one moment on."""
    return options.on(stream, chosen(within(stream, options.bounds(stream)), options.share, random))


def gradual(stream: Stream, options: Gradual, random: np.random.Generator) -> Stream:
    """Mix in moved rows with a probability that grows from 0 to 1."""
    places = within(stream, options.bounds(stream))
    return options.on(stream, chosen(places, options.strength(stream, places), random))


def incremental(stream: Stream, options: Incremental, random: np.random.Generator) -> Stream:
    """Move every row by a shift that grows from 0 to its full size."""
    del random  # nothing of it is left to chance
    places = within(stream, options.bounds(stream))
    strength = options.strength(stream, places)
    for name in options.columns:
        stream = options.moved(stream, name, places, strength)
    return stream


def recurring(stream: Stream, options: Recurring, random: np.random.Generator) -> Stream:
    """Move the column for a while, again and again, as seasons do."""
    return options.on(stream, chosen(options.active(stream), options.share, random))


def _listed(given: list[str]) -> str:
    return " and ".join(given) or "none"
