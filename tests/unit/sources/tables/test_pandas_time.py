"""Timestamp columns of every kind become UTC microseconds, or a reason a row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.time_units import to_microseconds
from service.sources.tables.event_time import MISSING, NUMBER, OUTSIDE, UNREADABLE, USABLE
from service.sources.tables.pandas_time import event_times

FIVE = 1_359_694_800_000_000  # 2013-02-01 05:00 UTC


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["2013-02-01T05:00:00Z"]),
        pd.Series(["2013-02-01 05:00"]),
        pd.Series([" 2013-02-01T05:00:00 "]),
        pd.Series(["2013-02-01T00:00:00-05:00"]),
        pd.Series(["20130201T050000Z"]),
        pd.Series(["2013-W05-5T05:00"]),
        pd.Series(pd.to_datetime(["2013-02-01T05:00"])),
        pd.Series(pd.to_datetime(["2013-02-01T05:00"])).astype("datetime64[s]"),
        pd.Series(pd.to_datetime(["2013-02-01T05:00"])).astype("datetime64[ms]"),
        pd.Series(pd.to_datetime(["2013-02-01T05:00Z"])).dt.tz_convert("America/New_York"),
        pd.Series([dt.datetime(2013, 2, 1, 5, tzinfo=dt.UTC)], dtype=object),
        pd.Series([dt.datetime(2013, 2, 1, 5)], dtype=object),  # noqa: DTZ001 - naive means UTC
        pd.Series([np.datetime64("2013-02-01T05:00")], dtype=object),
        pd.Series(["2013-02-01T05:00"], dtype="category"),
        pd.Series(["2013-02-01T05:00"], dtype=pd.ArrowDtype(pa.string())),
        pd.Series([FIVE], dtype=pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo"))),
    ],
)
def test_one_instant_in_every_form(column: pd.Series[Any]) -> None:
    """Text, datetimes of any unit and zone, and Arrow's give one and the same instant."""
    found = event_times(column)
    assert (found.micros.tolist(), found.reasons.tolist()) == ([FIVE], [USABLE])
    assert found.micros.dtype == np.int64


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, MISSING),
        (pd.NaT, MISSING),
        (float("nan"), MISSING),
        (Decimal("sNaN"), MISSING),
        (Decimal(1), NUMBER),
        ("", MISSING),
        ("  ", MISSING),
        (1_359_694_800, NUMBER),
        (1.5e9, NUMBER),
        (True, NUMBER),
        (np.int64(1), NUMBER),
        ("now", UNREADABLE),
        ("today", UNREADABLE),
        ("1359694800", UNREADABLE),
        ("02/01/2013", UNREADABLE),
        ("2013-02-30", UNREADABLE),
        ("NaT", UNREADABLE),
        ([], UNREADABLE),
        (dt.timedelta(1), UNREADABLE),
        ("9999-12-31", OUTSIDE),
        ("0001-01-01T00:00:00+10:00", OUTSIDE),
        (dt.date(9999, 12, 31), OUTSIDE),
        (dt.datetime(1600, 1, 1, tzinfo=dt.UTC), OUTSIDE),
    ],
)
def test_a_value_that_is_no_time_has_its_reason(value: object, reason: int) -> None:
    """Each kind of bad timestamp gets its own reason, and the rows beside it stay usable."""
    cells = np.array(["2013-02-01T05:00:00Z", None], dtype=object)
    cells[1] = value
    found = event_times(pd.Series(cells))
    assert (found.micros.tolist(), found.reasons.tolist()) == ([FIVE, 0], [USABLE, reason])


def test_the_clock_is_never_read() -> None:
    """The words that pandas takes for the present are no times, whatever stands beside them."""
    instant = dt.datetime(2013, 2, 1, 5, tzinfo=dt.UTC)
    found = event_times(pd.Series([instant, "now", "today"], dtype=object))
    assert (found.micros.tolist(), found.reasons.tolist()) == ([FIVE, 0, 0], [USABLE, UNREADABLE, UNREADABLE])


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "bool"])
def test_columns_of_numbers_are_refused(dtype: str) -> None:
    """Epoch numbers have no unit: every row says so."""
    assert event_times(pd.Series([1, 0], dtype=dtype)).reasons.tolist() == [NUMBER, NUMBER]


def test_seconds_beyond_microseconds_are_outside() -> None:
    """An instant that int64 microseconds cannot hold is outside, never wrapped round."""
    column = pd.Series(np.array([2**62, -(2**62), 0], dtype="datetime64[s]"))
    assert event_times(column).reasons.tolist() == [OUTSIDE, OUTSIDE, USABLE]


@given(st.lists(st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2261, 12, 31)), min_size=1))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_text_and_datetimes_agree_to_the_microsecond(instants: list[dt.datetime]) -> None:
    """Any instant in range is the same as text, as an object and as datetime64."""
    expected = [to_microseconds(instant.replace(tzinfo=dt.UTC)) for instant in instants]
    texts = pd.Series([instant.isoformat() for instant in instants])
    columns: list[pd.Series[Any]] = [
        texts,
        pd.Series(instants, dtype=object),
        pd.Series(instants, dtype="datetime64[us]"),
    ]
    assert [event_times(column).micros.tolist() for column in columns] == [expected] * 3
