"""Encode rows as lines of JSON, at the moment they are logged: the caller may change them afterwards.

Values of numpy, pandas and the like are recognised by what they can do; none of these is imported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

MAX_ROW_BYTES = 1 << 20
MISSING = {"NaT", "NAType", "NaTType"}
NO_NUMBERS = {"m", "V"}  # numpy's durations, of which `tolist` returns a count, and its bytes without a type
MAX_WHOLE_DIGITS = 40  # of a decimal that is written out


def rows_of(given: object) -> Iterator[Mapping[str, object]]:
    """Give the rows of a row, of a data frame, or of many rows. Raises TypeError for anything else."""
    if isinstance(given, Mapping):
        yield given
    elif hasattr(given, "to_dicts"):  # a polars frame
        yield from given.to_dicts()
    elif hasattr(given, "columns") and hasattr(given, "to_dict"):  # a pandas frame
        if not getattr(given.columns, "is_unique", True):
            raise ValueError("a column's name is in the data frame more than once; expected each one once")
        yield from given.to_dict(orient="records")
    elif hasattr(given, "to_dict") or hasattr(given, "model_dump"):  # a pandas series, a pydantic model
        yield _row(given)
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        yield from map(_row, given)
    else:
        raise TypeError(f"expected a row as a mapping, many of them, or a data frame; got {_kind(given)}")


def encode(row: Mapping[str, object]) -> bytes:
    """Return a row as one line of JSON; NaN and infinities, which JSON lacks, are null and text.

    Raises TypeError for a value that is neither text, number, truth value, time nor missing, and ValueError
    for a row that is too large or refers to itself.
    """
    try:
        text = json.dumps(row, default=plain, allow_nan=False, separators=(",", ":"))
    except ValueError:  # a NaN, most likely
        text = json.dumps(_without_nan(row, 0), default=plain, allow_nan=False, separators=(",", ":"))
    line = text.encode("ascii") + b"\n"
    if len(line) > MAX_ROW_BYTES:
        raise ValueError(f"a row of {len(line):,} bytes; expected {MAX_ROW_BYTES:,} at most")
    return line


def plain(value: object) -> object:
    """Return what JSON can hold of a value that it does not know. Raises TypeError where there is nothing."""
    if type(value).__name__ in MISSING or (isinstance(value, datetime) and value != value):  # noqa: PLR0124
        return None
    for kind, convert in PLAIN:
        if isinstance(value, kind):
            return convert(value)
    return _array(value)


def _array(value: Any) -> object:
    # What numpy, torch and others call an array or a scalar.
    kind = value.dtype.kind if type(value).__module__ == "numpy" else ""
    if kind == "M":  # `tolist` would return counts of nanoseconds
        return _single([_time_text(text) for text in _listed(value.astype(str).tolist())])
    if kind == "f":  # of more digits than Python's: `tolist` would return the value itself
        value = value.astype("float64") if value.dtype.itemsize > 8 else value  # noqa: PLR2004
    listed = value.tolist() if kind not in NO_NUMBERS and hasattr(value, "tolist") else value
    if not isinstance(listed, list) and (listed is value or hasattr(listed, "tolist")):  # a mock has anything
        raise TypeError(
            f"a value of type {_kind(value)}; expected text, a number, a truth value, a time or None"
        )
    return _single(_without_nan(_listed(listed), 0))


def _time_text(text: str) -> str | None:
    if text == "NaT":
        return None
    return f"{text}Z" if "T" in text else text


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _single(values: Any) -> object:
    """Return the only element of an array that has one, as `model.predict` returns it for one row."""
    return values[0] if len(values) == 1 else values


def _row(given: Any) -> Mapping[str, object]:
    for name in ("to_dict", "model_dump"):
        if not isinstance(given, Mapping) and hasattr(given, name):
            given = getattr(given, name)()
    if not isinstance(given, Mapping):
        raise TypeError(f"expected a row as a mapping of column names to values; got {_kind(given)}")
    return given


def _without_nan(value: object, depth: int) -> object:
    if isinstance(value, float):
        return _number(value)
    if depth > 32:  # noqa: PLR2004  # deeper than the service takes, or without an end
        raise ValueError("a row of lists or objects within each other; expected 8 levels at most")
    if isinstance(value, Mapping):
        return {key: _without_nan(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each, depth + 1) for each in value]
    return value


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def _of_decimal(value: Decimal) -> float | str | None:
    """Return a decimal as a number; a whole one, such as an id, with all of its digits."""
    if value.is_nan():
        return None
    if value.is_finite() and value.adjusted() < MAX_WHOLE_DIGITS and value == value.to_integral_value():
        return int(value)
    return _number(float(value))


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


PLAIN: tuple[tuple[Any, Callable[[Any], object]], ...] = (
    (datetime | date | time, lambda value: value.isoformat()),
    (Decimal, _of_decimal),
    (Enum, lambda value: value.value),
    (UUID, str),
    (Mapping, dict),
)
