"""The span of a change: from one moment of the stream to another, or for a length of it.

A moment is an instant with its zone or a share of the stream's event time (0 its start, 1 its end); a length
is a duration such as `7d` or a share of the whole. Spans are half-open: [from, until).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from service.sources.tables.event_time import of_instant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.changes.stream import Stream

MOMENT = "expected a share of the stream from 0 to 1, or a time with its zone such as 2013-03-01T00:00:00Z"
LENGTH = "expected a share of the stream above 0 and up to 1, or a duration such as 30s, 15m, 6h or 7d"


SECOND = 1_000_000
UNITS = {"ms": 1_000, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND}
UNITS["w"] = 7 * UNITS["d"]


def microseconds(text: str) -> int | None:
    """Return a duration such as `7d` or `250ms`, as in a monitor file; None for any other text, and for 0."""
    found = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d|w)", text.strip())
    return int(found[1]) * UNITS[found[2]] or None if found else None


def _moment(value: Any) -> float | dt.datetime:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{MOMENT}, got {value!r}") from None
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"{MOMENT}, got {value!s}")


def _length(value: Any) -> float | int:
    if isinstance(value, str):
        found = microseconds(value)
        if found is not None:
            return found
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    raise ValueError(f"{LENGTH}, got {value!r}")


def _delay(value: Any) -> int:
    found = microseconds(str(value))
    if found is None:
        raise ValueError(f"expected a duration above 0, such as 30s, 15m, 6h or 7d, got {value!r}")
    return found


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


# pydantic receives the checked value: a share is a float, an absolute length an int of microseconds.
Moment = Annotated[Any, BeforeValidator(_moment)]
Length = Annotated[Any, BeforeValidator(_length)]
Delay = Annotated[int, BeforeValidator(_delay)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class Options(BaseModel):
    """The keys of a change; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Since(Options):
    """A change that begins at a moment, by default the stream's start."""

    from_: Moment = Field(default=0.0, alias="from")

    def start(self, stream: Stream) -> int:
        """Return the first instant of the change (UTC microseconds)."""
        return at(stream, self.from_)


class Until(Since):
    """A change that ends at a moment, by default the stream's end; subclasses define what `over` measures."""

    until: Moment | None = None
    over: Length | None = None

    def bounds(self, stream: Stream) -> tuple[int, int]:
        """Return the half-open bounds of the whole change (UTC microseconds)."""
        return self.start(stream), at(stream, 1.0 if self.until is None else self.until)


class Span(Until):
    """A change that holds until a moment or, instead, over a length."""

    @model_validator(mode="after")
    def _one_end(self) -> Span:
        if self.until is not None and self.over is not None:
            raise ValueError("expected one of until (a moment) and over (a length), not both")
        return self

    def bounds(self, stream: Stream) -> tuple[int, int]:
        """Return the half-open bounds (UTC microseconds)."""
        if self.over is None:
            return Until.bounds(self, stream)
        first = self.start(stream)
        return first, first + length(stream, self.over)


class Growing(Until):
    """A change that grows over a length (by default its whole span) and then stays at full strength."""

    def strength(self, stream: Stream, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the strength of the change at each of `places`: float64, shape (k,), 0 to 1."""
        first, last = self.bounds(stream)
        full = last - first if self.over is None else length(stream, self.over)
        return np.clip((stream.times[places] - first) / max(full, 1), 0.0, 1.0)


def at(stream: Stream, moment: float | dt.datetime) -> int:
    """Return a moment as an instant (UTC microseconds)."""
    if isinstance(moment, dt.datetime):
        return of_instant(moment)[0]
    first, end = stream.extent
    return first + round(moment * (end - first))


def length(stream: Stream, given: float) -> int:
    """Return a length in microseconds, at least one; `given` is microseconds (int) or a share (float)."""
    first, end = stream.extent
    return given if isinstance(given, int) else max(1, round(given * (end - first)))


def within(stream: Stream, bounds: tuple[int, int]) -> NDArray[np.intp]:
    """Return the places of the rows within half-open `bounds`, ascending, shape (k,)."""
    low, high = np.searchsorted(stream.times, bounds, side="left")
    return np.arange(low, max(low, high), dtype=np.intp)


def chosen(
    places: NDArray[np.intp], share: float | NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.intp]:
    """Return each of `places` with probability `share`; a greater share adds to the same rows."""
    return places[random.random(len(places)) < share]
