"""The types and rules that every section of a monitor file shares."""

from __future__ import annotations

import re
from datetime import datetime  # pydantic reads the annotations
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from service.core.time_units import SECOND, to_microseconds

_DAY = 86_400 * SECOND
_UNITS = {"ms": 1_000, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": _DAY, "w": 7 * _DAY}


def microseconds(text: object) -> int:
    """Return a duration such as `7d`, `90s` or `250ms` in microseconds.

    Raises ValueError for anything else.
    """
    found = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d|w)", str(text).strip())
    if not found:
        raise ValueError(f"expected a duration such as 30s, 15m, 6h, 7d or 2w, got {text!r}")
    return int(found[1]) * _UNITS[found[2]]


def instant_us(when: datetime | None) -> int | None:
    """Return an instant as UTC microseconds; None where there is none."""
    return None if when is None else to_microseconds(when)


def _zoned(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"expected a time with its zone, such as {instant.isoformat()}Z")
    return instant


Duration = Annotated[int, BeforeValidator(microseconds)]

Instant = Annotated[datetime, AfterValidator(_zoned)]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]


class Section(BaseModel):
    """A section of a monitor file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
