"""The types and rules that every section of a monitor file shares."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from datetime import datetime  # pydantic reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    model_validator,
)

from service.core.time_units import SECOND, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DURATION_DAYS = 36_525  # a century

_DAY = 86_400 * SECOND
_UNITS = {"ms": 1_000, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": _DAY, "w": 7 * _DAY}


def microseconds(text: object) -> int:
    """Return a duration such as `7d`, `90s` or `250ms` in microseconds.

    Raises ValueError for anything else.
    """
    found = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d|w)", str(text).strip())
    if not found:
        raise ValueError(f"expected a duration such as 30s, 15m, 6h, 7d or 2w, got {text!r}")
    duration = int(found[1][:20]) * _UNITS[found[2]]
    if duration > MAX_DURATION_DAYS * _DAY:
        raise ValueError(f"expected a duration of a century at most ({MAX_DURATION_DAYS}d), got {text!r}")
    return duration


def duration_text(duration: int) -> str:
    """Return microseconds as a duration of the largest unit of which they are a whole number."""
    units = sorted(_UNITS.items(), key=lambda item: item[1], reverse=True)
    for unit, length in units:
        if unit != "w" and duration % length == 0:
            return f"{duration // length}{unit}"
    return f"{duration} microseconds"


def instant_us(when: datetime | None) -> int | None:
    """Return an instant as UTC microseconds; None where there is none."""
    return None if when is None else to_microseconds(when)


def check_order(start: datetime | None, end: datetime | None) -> None:
    """Raise ValueError where `end` does not come after `start`."""
    if start is not None and end is not None and end <= start:
        raise ValueError(f"expected end after start, got {start.isoformat()} to {end.isoformat()}")


def _positive(duration: int) -> int:
    if duration == 0:
        raise ValueError("expected a duration above 0, such as 30s, 15m, 6h or 7d")
    return duration


def _zoned(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"expected a time with its zone, such as {instant.isoformat()}Z")
    return instant


def _known_zone(name: str) -> str:
    known = zoneinfo.available_timezones()
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.3)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise ValueError(f"no such time zone: {name!r}{hint}; expected a name such as Europe/Berlin")
    return name


Duration = Annotated[int, BeforeValidator(microseconds)]

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]

Instant = Annotated[datetime, AfterValidator(_zoned)]

ZoneName = Annotated[str, AfterValidator(_known_zone)]


def _not_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"expected a number, got {str(value).lower()}, a truth value")  # noqa: TRY004
    return value


Number = Annotated[float, BeforeValidator(_not_truth)]


def _not_empty(path: str) -> str:
    if not path.strip():
        raise ValueError("is empty; expected a file, a folder or a pattern of files")
    return path


FilePath = Annotated[str, AfterValidator(_not_empty)]


def _is_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        raise ValueError(
            "expected up to 63 letters (a to z), digits, and _ . - behind the first; a monitor is named by "
            f"its file, or by name:, got {name!r}"
        )
    return name


Name = Annotated[str, AfterValidator(_is_name)]


def _leaves(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _leaves(argument)


class Section(BaseModel):
    """A section of a monitor file; an unknown key is an error, and so is a number that is not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, content: Any) -> Any:
        # `min_rows: yes` is no 1.
        for name, field in cls.model_fields.items() if isinstance(content, dict) else ():
            kinds = set(_leaves(field.annotation)) if isinstance(content.get(name), bool) else set()
            if bool not in kinds and kinds & {int, float}:
                raise ValueError(
                    f"{name}: expected a number, got {str(content[name]).lower()}, a truth value"
                )
        return content
