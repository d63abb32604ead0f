"""Rows become JSON, whatever their values are made of."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any
from unittest.mock import MagicMock, Mock
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from tidegauge_client.encoding import MAX_ROW_BYTES, encode, rows_of


class Plan(Enum):
    PLUS = "plus"


VALUES: list[tuple[Any, Any]] = [
    (1, 1),
    ("é\n", "é\n"),
    (None, None),
    (float("nan"), None),
    (float("inf"), "inf"),
    (np.float64("nan"), None),
    (np.float32(1.5), 1.5),
    (np.int64(2**53 + 1), 2**53 + 1),
    (np.bool_(True), True),
    (np.str_("plus"), "plus"),
    (np.array([41.5]), 41.5),
    (np.array([1.0, np.nan]), [1.0, None]),
    (np.array([[1, 2]]), [1, 2]),
    (np.array(3), 3),
    (np.datetime64("2026-01-31T12:00:00.000000001"), "2026-01-31T12:00:00.000000001Z"),
    (np.datetime64("2026-01-31"), "2026-01-31"),
    (np.datetime64("NaT", "s"), None),
    (pd.NaT, None),
    (pd.NA, None),
    (pd.Timestamp("2026-01-31", tz="UTC"), "2026-01-31T00:00:00+00:00"),
    (datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31T00:00:00+00:00"),
    (date(2026, 1, 31), "2026-01-31"),
    (Decimal("1.5"), 1.5),
    (Decimal("NaN"), None),
    (Decimal("sNaN"), None),
    (Decimal(2**53 + 1), 2**53 + 1),
    (Decimal("12345678901234567890.000"), 12_345_678_901_234_567_890),
    (Decimal("1E+3"), 1000),
    (Decimal("1E+1000000"), "inf"),
    (np.longdouble("1.5"), 1.5),
    (np.array(["1.5", "2.5"], np.longdouble), [1.5, 2.5]),
    (Plan.PLUS, "plus"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (MappingProxyType({"a": np.float32("nan")}), {"a": None}),
    ([float("nan"), {"b": np.int8(1)}], [None, {"b": 1}]),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=repr)
def test_a_value_becomes_what_json_can_hold(value: Any, expected: Any) -> None:
    """Numbers stay exact, missing values of every library are null, times have their zone; one line each."""
    line = encode({"a": value})
    assert json.loads(line) == {"a": expected}
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        b"x",
        lambda: None,
        np.timedelta64(5, "ns"),
        np.timedelta64(5, "s"),
        np.array([5], "timedelta64[ns]"),
        np.void(b"ab"),
        MagicMock(),
        Mock(),
        pd.Timedelta(5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_of_no_known_type_is_refused_by_its_name(value: Any) -> None:
    """What has no meaning as a cell is refused, with its type."""
    with pytest.raises(TypeError, match="a value of type"):
        encode({"a": value})


def test_a_row_without_an_end_is_refused() -> None:
    """A row that holds itself, and one that is too large, are refused and not sent."""
    row: dict[str, Any] = {"a": 1}
    row["b"] = row
    with pytest.raises(ValueError, match="8 levels"):
        encode(row)
    with pytest.raises(ValueError, match="bytes"):
        encode({"a": "x" * MAX_ROW_BYTES})


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


class Model:
    def model_dump(self) -> dict[str, Any]:
        return ROWS[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ROWS[0], ROWS[:1]),
        (ROWS, ROWS),
        (iter(ROWS), ROWS),
        (FRAME, ROWS),
        (FRAME.iloc[0], ROWS[:1]),
        (Model(), ROWS[:1]),
        ([Model(), FRAME.iloc[1]], ROWS),
    ],
    ids=["mapping", "list", "iterator", "frame", "series", "model", "mixed"],
)
def test_rows_come_in_many_forms(given: Any, expected: list[dict[str, Any]]) -> None:
    """A mapping, many of them, a data frame, a series and a model of pydantic are rows."""
    assert [json.loads(encode(row)) for row in rows_of(given)] == expected


@pytest.mark.parametrize("given", ["text", 1, None, [1], ["text"]], ids=repr)
def test_what_is_no_row_is_refused(given: Any) -> None:
    """Anything else is refused with its type."""
    with pytest.raises(TypeError, match="as a mapping"):
        list(rows_of(given))


def test_a_frame_with_a_column_twice_is_refused() -> None:
    """One of the two would be left out, and nobody could say which."""
    with pytest.raises(ValueError, match="more than once"):
        list(rows_of(pd.DataFrame([[1, 2]], columns=["a", "a"])))
