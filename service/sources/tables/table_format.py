"""How a table's cells are written, where a monitor file says so: times, numbers, and the CSV dialect.

Without an option nothing is guessed that could be wrong: a time is ISO 8601, a number has a decimal point
and no thousands separator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """How times are written.

    unit: of epoch numbers, s, ms, us or ns; None refuses numbers.
    pattern: strptime's directives for texts (and whole numbers such as 20240301); None reads ISO 8601.
    zone: IANA name of the time zone of times without an offset; None is UTC.
    """

    unit: str | None = None
    pattern: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """A CSV file's dialect.

    separator: between cells; None finds it in the header.
    encoding: None is UTF-8, or UTF-16 or UTF-32 by a byte order mark; other bytes are refused.
    quote: around cells that hold a separator.
    """

    separator: str | None = None
    encoding: str | None = None
    quote: str = '"'


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers are written in texts.

    decimal: the sign before the fraction.
    thousands: the sign between groups of digits, empty for none; a space stands for every kind of space.
    percent: a number may end in a per cent sign, and is then divided by 100.
    strip: texts before or behind the number, such as a currency sign.
    """

    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    strip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How a table is written.

    time: the timestamp column.
    csv: the dialect where the table is a CSV file.
    numbers: numerical columns that are not written plainly, by their names.
    """

    time: TimeFormat = TimeFormat()
    csv: CsvFormat = CsvFormat()
    numbers: Mapping[str, NumberFormat] = field(default_factory=dict)


PLAIN = TableFormat()
PLAIN_TIME = TimeFormat()
