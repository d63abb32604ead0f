"""Rows that come in wrong: empty cells, an absurd value, another unit, a label never seen, a lost column."""

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
    """The share of the span's rows that lose their values."""

    columns: Names
    share: Share = 1.0


class Vanished(Span):
    """Columns that are empty from one moment on."""

    columns: Names


class Outlier(Since):
    """The first `rows` rows from a moment on get `value`."""

    columns: Names
    value: float = 1e6
    rows: int = Field(default=1, ge=1)


class Unit(Span):
    """A known `conversion`, or a `factor` of one's own and an `offset` added after it."""

    columns: Names
    conversion: Conversion | None = None
    factor: float | None = None
    offset: float = 0.0

    @model_validator(mode="after")
    def _one_unit(self) -> Unit:
        if (self.conversion is None) == (self.factor is None):
            raise ValueError("expected one of conversion and factor")
        if self.conversion is not None and self.offset:
            raise ValueError("offset: expected it beside factor; a conversion has its own")
        return self


class NewCategory(Span):
    """The value that a share of the span's rows gets; a tenth by default."""

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
    """Empty the columns in every row: a file has the same columns from its first row to its last."""
    del random  # nothing of it is left to chance
    places = within(stream, options.bounds(stream))
    for name in options.columns:
        stream = with_missing(stream, name, places)
    return stream


def outlier(stream: Stream, options: Outlier, random: np.random.Generator) -> Stream:
    """Put one absurd value into the next rows."""
    del random  # nothing of it is left to chance
    places = within(stream, (options.start(stream), stream.extent[1]))[: options.rows]
    for name in options.columns:
        numbers(stream, name)  # text has no outliers
        stream = with_numbers(stream, name, places, np.full(len(places), options.value))
    return stream


def unit(stream: Stream, options: Unit, random: np.random.Generator) -> Stream:
    """Give the values in another unit, as a sender does who was not told."""
    del random  # nothing of it is left to chance
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
    """Give some rows a label that was not there before."""
    places = chosen(within(stream, options.bounds(stream)), options.share, random)
    for name in options.columns:
        stream = with_label(stream, name, places, options.label)
    return stream
