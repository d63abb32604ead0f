"""Defects in the data: empty cells, absurd values, another unit, a category never seen, a lost column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from simulator.changes.cells import numbers, with_label, with_missing, with_numbers
from simulator.changes.span import Names, Share, Since, Span, chosen, within

if TYPE_CHECKING:
    from simulator.changes.stream import Stream

# From one unit to another: factor, then offset.
CONVERSIONS = {
    "miles_to_kilometres": (1.609344, 0.0),
    "kilometres_to_miles": (1 / 1.609344, 0.0),
    "fahrenheit_to_celsius": (5 / 9, -160 / 9),
    "celsius_to_fahrenheit": (9 / 5, 32.0),
    "minutes_to_seconds": (60.0, 0.0),
    "minutes_to_hours": (1 / 60, 0.0),
    "share_to_per_cent": (100.0, 0.0),
}
Conversion = Literal[
    "miles_to_kilometres",
    "kilometres_to_miles",
    "fahrenheit_to_celsius",
    "celsius_to_fahrenheit",
    "minutes_to_seconds",
    "minutes_to_hours",
    "share_to_per_cent",
]


class Missing(Span):
    """A `share` of the span's rows loses the values of `columns`."""

    columns: Names
    share: Share = 1.0


class Vanished(Span):
    """Columns are empty in every row of the span."""

    columns: Names


class Outlier(Since):
    """The first `rows` rows from a moment on have `value`."""

    columns: Names
    value: float = 1e6
    rows: int = Field(default=1, ge=1)


class Unit(Span):
    """A named `conversion`, or a `factor` and the `offset` that is added after it."""

    columns: Names
    conversion: Conversion | None = None
    factor: float | None = None
    offset: float = 0.0

    @model_validator(mode="after")
    def _one_unit(self) -> Unit:
        if (self.conversion is None) == (self.factor is None):
            raise ValueError("expected one of conversion and factor")
        if self.conversion is not None and self.offset:
            raise ValueError("offset: expected it with factor; a conversion has its own")
        return self


class NewCategory(Span):
    """A `share` of the span's rows, a tenth by default, has the value `label`."""

    columns: Names
    label: str | int | float = "never seen before"
    share: Share = 0.1


def missing(stream: Stream, options: Missing, random: np.random.Generator) -> Stream:
    """Empty the cells of a share of the rows."""
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    for name in options.columns:
        stream = with_missing(stream, name, places)
    return stream


def vanished(stream: Stream, options: Vanished, random: np.random.Generator) -> Stream:
    """Empty the columns; they are not removed, as a file has the same columns in all rows."""
    del random  # deterministic
    places = within(stream, options.bounds(stream))
    for name in options.columns:
        stream = with_missing(stream, name, places)
    return stream


def outlier(stream: Stream, options: Outlier, random: np.random.Generator) -> Stream:
    """Write an absurd value into the next rows."""
    del random  # deterministic
    places = within(stream, (options.start(stream), stream.extent[1]))[: options.rows]
    for name in options.columns:
        numbers(stream, name)  # text has no outliers
        stream = with_numbers(stream, name, places, np.full(len(places), options.value))
    return stream


def unit(stream: Stream, options: Unit, random: np.random.Generator) -> Stream:
    """Convert the values to another unit without saying so."""
    del random  # deterministic
    places = within(stream, options.bounds(stream))
    if options.conversion is not None:
        factor, offset = CONVERSIONS[options.conversion]
    else:
        factor, offset = options.factor or 0.0, options.offset
    for name in options.columns:
        with np.errstate(over="ignore", invalid="ignore"):
            values = numbers(stream, name)[places] * factor + offset
        stream = with_numbers(stream, name, places, values)
    return stream


def new_category(stream: Stream, options: NewCategory, random: np.random.Generator) -> Stream:
    """Give some rows a category that did not occur before."""
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    for name in options.columns:
        stream = with_label(stream, name, places, options.label)
    return stream
