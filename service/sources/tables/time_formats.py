"""Proposes strptime's directives for times that are not ISO 8601."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST_YEAR, LAST_YEAR = 1990, 2100  # of rows that someone watches
# Digits alone, by how many they are: strptime would read one digit where two are meant.
_DIGITS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%b %d %Y",
    "%d %B %Y", "%B %d, %Y",
)  # fmt: skip
_CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", ", %I:%M:%S %p",
    ", %H:%M", ", %H:%M:%S",
)  # fmt: skip
_FORMATS = (
    *(f"{day}{clock}" for day in _DAYS for clock in _CLOCKS),
    "%a, %d %b %Y %H:%M:%S %Z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %Y",
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y-%m-%d-%H.%M.%S.%f",
    "%Y-%m-%d-%H.%M.%S",
    "%Y-%m-%d %H:%M:%S %Z",
)


def formats_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the directives that read all of some texts; two where the day or the month may be first."""
    examples = [text.strip() for text in texts]
    if not examples:
        return ()
    if all(text.isdigit() for text in examples):
        pattern = _DIGITS.get(len(examples[0]))
        is_one = pattern is not None and len({len(text) for text in examples}) == 1
        return (pattern,) if pattern is not None and is_one and _reads(pattern, examples) else ()
    return tuple(_reading(examples))


def _reading(examples: Sequence[str]) -> Iterator[str]:
    found = [pattern for pattern in _FORMATS if _reads(pattern, examples[:1])]
    yield from (pattern for pattern in found if _reads(pattern, examples))


def _reads(pattern: str, examples: Sequence[str]) -> bool:
    try:
        years = [dt.datetime.strptime(text, pattern).year for text in examples]  # noqa: DTZ007 - of a year alone
    except ValueError:
        return False
    return all(FIRST_YEAR <= year < LAST_YEAR for year in years)
