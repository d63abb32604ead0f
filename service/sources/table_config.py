"""Schema of how tables are written, as a monitor file declares it: times, numbers, CSV dialect."""

from __future__ import annotations

import codecs
import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from service.config.base import Section, ZoneName
from service.core.rows.number_format import NumberFormat
from service.sources.table_format import CsvFormat, TableFormat, TimeFormat

SOME_TIME = dt.datetime(2013, 2, 3, tzinfo=dt.UTC)
NAMED_SEPARATORS = {"tab": "\t", "\\t": "\t"}
Decimal = Literal[".", ","]
Thousands = Literal["", ",", ".", " ", "'", "_"]


class TimestampConfig(Section):
    """The column of each row's event time, and how its times are written.

    - `column`: its name.
    - `unit`: of numbers that count from 1970.
    - `format`: strptime's directives, for texts that are not ISO 8601.
    - `timezone`: of times without an offset; UTC without it.
    """

    column: str
    unit: Literal["s", "ms", "us", "ns"] | None = None
    format: str | None = None
    timezone: ZoneName | None = None

    @field_validator("format")
    @classmethod
    def _names_a_day(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            read = dt.datetime.strptime(SOME_TIME.strftime(pattern), pattern).date()  # noqa: DTZ007 - of a day alone
        except ValueError as error:
            raise ValueError(f"expected strptime's directives such as %d/%m/%Y %H:%M: {error}") from error
        if ("%p" in pattern) != ("%I" in pattern):
            raise ValueError(
                f"expected %I with %p (01:30 PM), or %H alone (13:30), got {pattern!r}: %H does not heed PM"
            )
        if read != SOME_TIME.date():
            raise ValueError(f"expected year, month and day, such as %d/%m/%Y %H:%M, got {pattern!r}")
        return pattern

    @model_validator(mode="after")
    def _one_form(self) -> TimestampConfig:
        if self.unit is not None and self.format is not None:
            raise ValueError("expected unit (for numbers) or format (for texts), not both")
        return self

    def time_format(self) -> TimeFormat:
        """Return the sources' form."""
        return TimeFormat(self.unit, self.format, self.timezone)


def _column_alone(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Timestamp = Annotated[TimestampConfig, BeforeValidator(_column_alone)]


class CsvConfig(Section):
    """The dialect of CSV files.

    - `separator`: between cells; found in the header without it.
    - `encoding`: such as latin-1, cp1252 or utf-16; UTF-8 without it.
    - `quote`: around cells that hold a separator.
    - `decimal`, `thousands`: the signs in the numbers of columns that do not say their own.
    """

    separator: str | None = None
    encoding: str | None = None
    quote: str = Field(default='"', min_length=1, max_length=1)
    decimal: Decimal = "."
    thousands: Thousands = ""

    @field_validator("separator")
    @classmethod
    def _is_one_sign(cls, sign: str | None) -> str | None:
        sign = NAMED_SEPARATORS.get(sign, sign) if sign is not None else None
        if sign is not None and (len(sign) != 1 or sign.isalnum() or sign in "\r\n"):
            raise ValueError(f'expected one sign such as ";" or "\\t" (tab), got {sign!r}')
        return sign

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            codecs.lookup(name)
            "".encode(name)  # no codec from bytes to bytes, such as base64
        except LookupError as error:
            raise ValueError(
                f"no such encoding: {name!r}; expected one such as utf-8, latin-1, cp1252 or utf-16"
            ) from error
        return name

    @model_validator(mode="after")
    def _signs_differ(self) -> CsvConfig:
        check_signs(self.decimal, self.thousands)
        if self.separator == self.quote:
            raise ValueError("separator and quote are the same sign; expected two")
        return self

    def csv_format(self) -> CsvFormat:
        """Return the sources' form."""
        plain = (self.decimal, self.thousands) == (".", "")
        number = None if plain else NumberFormat(self.decimal, self.thousands)
        return CsvFormat(self.separator, self.encoding, self.quote, number)


def check_signs(decimal: str, thousands: str) -> None:
    """Raise ValueError where one sign would both begin the fraction and separate thousands."""
    if decimal == thousands:
        raise ValueError(f"decimal and thousands are both {decimal!r}; expected two different signs")


def table_format(timestamp: TimestampConfig | None, csv: CsvConfig | None) -> TableFormat:
    """Return how a table is written, in the sources' form."""
    return TableFormat(
        TimeFormat() if timestamp is None else timestamp.time_format(),
        CsvFormat() if csv is None else csv.csv_format(),
    )
