"""Where the records of a CSV file's bytes end, and how many cells each has.

A record is a line, or several where a quoted cell holds line breaks. Quotes mean what they mean to pandas:
they open a cell only as its first sign, and in an open one two of them are one sign. Most bytes are split by
whole arrays; where a quote is inside a cell that none opens, the lines in which one may open are read singly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEWLINE, RETURN = 10, 13


class Records(NamedTuple):
    """The records of some bytes; arrays of integers, shape (n,).

    - `ends`: where each one ends, its line break included.
    - `cells`: how many cells it has.
    - `lines`: how many lines it takes.
    - `open_from`: where a record begins whose quote is not closed in these bytes; None where there is none.
    """

    ends: NDArray[np.intp]
    cells: NDArray[np.intp]
    lines: NDArray[np.intp]
    open_from: int | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """A CSV file's separator and quote (single bytes), and the pattern of a cell that follows from them."""

    separator: bytes
    quote: bytes
    cell: re.Pattern[bytes]

    @classmethod
    def of(cls, separator: bytes, quote: bytes) -> Signs:
        """Return the signs with their pattern."""
        s, q = re.escape(separator), re.escape(quote)
        quoted = rb"(?:%b(?:[^%b]++|%b%b)*+(?P<close>%b|\Z))?+" % (q, q, q, q, q)
        return cls(separator, quote, re.compile(rb"%b[^%b\r\n]*+(?P<end>%b|\r\n|\r|\n|\Z)" % (quoted, s, s)))


def split(content: bytes, signs: Signs) -> Records:
    """Return the records of bytes that begin where a record does and end with a line, or the file."""
    values = np.frombuffer(content, dtype=np.uint8)
    breaks = values == NEWLINE
    if b"\r" in content:
        lone = values == RETURN
        lone[:-1] &= ~breaks[1:]
        breaks |= lone
    ends = np.flatnonzero(breaks) + 1
    if len(values) and (not len(ends) or ends[-1] < len(values)):
        ends = np.append(ends, len(values))
    separators = np.flatnonzero(values == signs.separator[0])
    if signs.quote not in content:
        return Records(ends, _cells(ends, separators), np.ones_like(ends))
    quotes = np.flatnonzero(values == signs.quote[0])
    if _in_pairs(values, quotes, signs):
        return _outside_pairs(len(values), ends, separators, quotes)
    return _one_by_one(content, signs, ends, separators, _opening(values, quotes, signs))


def cells_of(record: bytes, signs: Signs) -> list[bytes]:
    """Return a record's cells, in their quotes."""
    cells = []
    for match in signs.cell.finditer(record):
        cells.append(match[0].removesuffix(match["end"]))
        if match["end"] != signs.separator:
            break
    return cells


def _cells(ends: NDArray[np.intp], separators: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.diff(np.searchsorted(separators, ends), prepend=0) + 1


def _in_pairs(values: NDArray[np.uint8], quotes: NDArray[np.intp], signs: Signs) -> bool:
    # Whether the first of each two quotes begins a cell and the second ends one, or both are one sign.
    around = np.zeros(256, dtype=np.bool_)
    around[[signs.separator[0], signs.quote[0], NEWLINE, RETURN]] = True
    first, second = quotes[::2], quotes[1::2]
    before, after = values[first[first > 0] - 1], values[second[second < len(values) - 1] + 1]
    return bool(around[before].all() and around[after].all())


def _opening(values: NDArray[np.uint8], quotes: NDArray[np.intp], signs: Signs) -> NDArray[np.intp]:
    # The quotes that may open a cell; others are signs of their cell, such as inches.
    before = values[quotes - 1]
    begins = (before == signs.separator[0]) | (before == NEWLINE) | (before == RETURN) | (quotes == 0)
    opening: NDArray[np.intp] = quotes[begins]
    return opening


def _outside_pairs(
    size: int, ends: NDArray[np.intp], separators: NDArray[np.intp], quotes: NDArray[np.intp]
) -> Records:
    outside = np.searchsorted(quotes, ends) % 2 == 0
    last = np.flatnonzero(outside)
    cells = _cells(ends[last], separators[np.searchsorted(quotes, separators) % 2 == 0])
    lines = np.diff(last, prepend=-1)
    begun = int(ends[last[-1]]) if len(last) else 0
    return Records(ends[last], cells, lines, begun if begun < size else None)


def _one_by_one(
    content: bytes,
    signs: Signs,
    ends: NDArray[np.intp],
    separators: NDArray[np.intp],
    opening: NDArray[np.intp],
) -> Records:
    cells, lines = _cells(ends, separators), np.ones_like(ends)
    kept = np.ones(len(ends), dtype=np.bool_)
    following = 0  # the line after the record that was read last
    for line in np.unique(np.searchsorted(ends, opening, side="right")).tolist():
        if line < following:
            continue
        start = int(ends[line - 1]) if line else 0
        stop, count = _record(content, start, signs)
        if stop is None:
            whole = np.flatnonzero(kept[:line])
            return Records(ends[whole], cells[whole], lines[whole], start)
        following = int(np.searchsorted(ends, stop)) + 1
        kept[line : following - 1] = False
        cells[following - 1], lines[following - 1] = count, following - line
    return Records(ends[kept], cells[kept], lines[kept])


def _record(content: bytes, start: int, signs: Signs) -> tuple[int | None, int]:
    for count, match in enumerate(signs.cell.finditer(content, start), start=1):
        if match["close"] == b"":
            return None, count
        if match["end"] != signs.separator:
            return match.end(), count
    return len(content), 1
