"""Types of arguments; values that the database cannot take are refused with 422."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator
from starlette.convertors import Convertor, register_url_convertor


class AnyText(Convertor[str]):
    """A part of a path that holds anything: slashes, and lines, which `path` does not match."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """Return the text as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text as it is."""
        return value


register_url_convertor("any_text", AnyText())

MAX_SEARCH = 5_000  # a column's name may be that long
MAX_PAGE = 1_000_000


def _utc(when: datetime) -> datetime:
    aware = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected an instant of the years 1 to 9999 in UTC") from None


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("expected text without the character NUL (%00)")
    return text


Instant = Annotated[datetime, AfterValidator(_utc)]  # without a zone: UTC
Text = Annotated[str, AfterValidator(_without_nul)]
Search = Annotated[
    str,
    Query(max_length=MAX_SEARCH, description="words that the name has to contain, in any order and case"),
    AfterValidator(_without_nul),
]
PageNumber = Annotated[
    int, Query(ge=1, le=MAX_PAGE, description="counted from 1; an empty list beyond the last")
]
