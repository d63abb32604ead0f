"""Times in texts that are ISO 8601 in another spelling, or an epoch number.

Covers " UTC", " GMT" and "z" for Z, a comma before the fraction, lower-case t, "+00 UTC" as Go writes it, the
zone in brackets that Java and RFC 9557 put behind an offset, week and ordinal dates, 24:00 and leap seconds.
For other texts strptime's directives are proposed.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from service.sources.tables.event_time import (
    MAX_DIGITS,
    MISSING,
    NUMBER,
    OUTSIDE,
    UNREADABLE,
    USABLE,
    of_instant,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DAY_LENGTH = 8  # the shortest date, 20240301; what a time's offset is behind
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
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?|[+-]?\.\d+")
_ZONE_NAME = re.compile(r"\s*(?:UTC|GMT|[zZ])$")
_BRACKETS = re.compile(r"\[[A-Za-z0-9_+/\-]+\]$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_ORDINAL = re.compile(r"(\d{4})-?(\d{3})(?=$|[T ])")
_MIDNIGHT = re.compile(r"(?<=[T ])24(?::?00(?::?00(?:\.0+)?)?)?(?=$|[zZ+\-])")
_LEAP_SECOND = re.compile(r"(?<=[T ])(\d{2}:?\d{2}:?)60(?=$|[.zZ+\-])")


def is_number(text: str) -> bool:
    """Say whether a text is a plain number, as an epoch number would be; 20240301 is a date all the same."""
    return _NUMBER.fullmatch(text) is not None


def number_in(text: str) -> int | Decimal | None:
    """Return the number that a text is, exactly; None where it is none."""
    if not is_number(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() and len(text) <= MAX_DIGITS else Decimal(text)


def has_offset(text: str) -> bool:
    """Say whether a readable time says how far it is from UTC."""
    behind = text[DAY_LENGTH:].lstrip("0123456789-W")  # what is left begins with T or a space
    return any(sign in behind for sign in "+-Zz")


def normal(text: str) -> str:
    """Return a time in the spelling that parsers read; a text that is no time comes back as some text."""
    text = text.strip()
    brackets, named = _BRACKETS.search(text), _ZONE_NAME.search(text)
    if brackets and has_offset(text[: brackets.start()]):
        text = text[: brackets.start()]
    elif named:
        text = text[: named.start()].rstrip()
        if _DATE.fullmatch(text):
            text += "T00:00"
        if not has_offset(text):
            text += "Z"
    if "," in text:
        text = text.replace(",", ".", 1)
    return text[:10] + text[10:].replace("t", "T").replace("z", "Z").replace(" +", "+").replace(" -", "-")


def of_text(text: str, zone: str | None = None) -> tuple[int, int]:
    """Return the time in a text, and what is wrong with it; without an offset it is UTC or of `zone`."""
    text = normal(text)
    if not text:
        return 0, MISSING
    if text.isdigit() and len(text) != DAY_LENGTH:
        return 0, NUMBER
    later = dt.timedelta(0)
    if _MIDNIGHT.search(text):
        text, later = _MIDNIGHT.sub("00:00", text), dt.timedelta(days=1)
    elif _LEAP_SECOND.search(text):
        text, later = _LEAP_SECOND.sub(r"\g<1>59", text), dt.timedelta(seconds=1)
    try:
        return of_instant(dt.datetime.fromisoformat(_without_ordinal(text)) + later, zone)
    except OverflowError:
        return 0, OUTSIDE
    except ValueError:
        return 0, NUMBER if is_number(text) else UNREADABLE


def are_times(texts: list[str]) -> bool:
    """Say whether every one of some texts is a time."""
    return bool(texts) and all("-" in text and of_text(text)[1] == USABLE for text in texts)


def _without_ordinal(text: str) -> str:
    # Python reads week dates, and no day of the year.
    found = _ORDINAL.match(text)
    if found is None:
        return text
    day = dt.datetime.strptime(f"{found[1]} {found[2]} +0000", "%Y %j %z")
    return f"{day:%Y-%m-%d}{text[found.end() :]}"


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
