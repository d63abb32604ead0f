"""How a table's cells are written, as declared: times, numbers, CSV dialect.

Without an option nothing is guessed that could be wrong: a time is ISO 8601, a number has a decimal point
and no thousands separator. A column's own `NumberFormat` is in the schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.rows.number_format import NumberFormat


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """How times are written.

    - `unit`: of epoch numbers, s, ms, us or ns; None refuses numbers.
    - `pattern`: strptime's directives for texts (and whole numbers such as 20240301); None reads ISO 8601.
    - `zone`: IANA name of the time zone of times without an offset; None is UTC.
    """

    unit: str | None = None
    pattern: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """A CSV file's dialect.

    - `separator`: between cells; None finds it in the header.
    - `encoding`: None is UTF-8, or UTF-16 or UTF-32 by a byte order mark; other bytes are refused.
    - `quote`: around cells that hold a separator.
    - `number`: how the numbers of columns are written that have no form of their own; None is plainly.
    """

    separator: str | None = None
    encoding: str | None = None
    quote: str = '"'
    number: NumberFormat | None = None


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How a table is written.

    - `time`: the timestamp column.
    - `csv`: the dialect where the table is a CSV file.
    """

    time: TimeFormat = TimeFormat()
    csv: CsvFormat = CsvFormat()


PLAIN = TableFormat()
PLAIN_TIME = TimeFormat()
