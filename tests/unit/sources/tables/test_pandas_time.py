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
from service.sources.table_format import TimeFormat
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
        pd.Series(["2013-032T05:00"]),
        pd.Series(["2013-02-01 05:00:00 UTC"]),
        pd.Series(["2013-02-01 05:00:00.000000 UTC"]),
        pd.Series(["2013-02-01 05:00:00 +0000 UTC"]),
        pd.Series(["2013-02-01 05:00:00 GMT"]),
        pd.Series(["2013-02-01 05:00:00+00"]),
        pd.Series(["2013-02-01 06:00:00 +01"]),
        pd.Series(["2013-02-01 06:00:00+0100"]),
        pd.Series(["2013-02-01t05:00:00z"]),
        pd.Series(["2013-02-01T05:00:00,000Z"]),
        pd.Series(["2013-02-01T05:00:00.000000000000Z"]),
        pd.Series(["2013-02-01T06:00:00+01:00[Europe/Berlin]"]),
        pd.Series(["20130201T050000.000+0000"]),
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
        ("1359694800", NUMBER),
        ("2013", NUMBER),
        ("2013-02-01T05:00:00[Europe/Berlin]", UNREADABLE),
        ("2013-02-01 05:00:00 CET", UNREADABLE),
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


@pytest.mark.parametrize(
    ("unit", "column"),
    [
        ("s", pd.Series([1_359_694_800])),
        ("s", pd.Series([1_359_694_800.0])),
        ("s", pd.Series(["1359694800"])),
        ("s", pd.Series(["1359694800.0000"])),
        ("s", pd.Series(["1.3596948e9"])),
        ("s", pd.Series([Decimal("1359694800.0")], dtype=object)),
        ("ms", pd.Series([1_359_694_800_000], dtype="Int64")),
        ("us", pd.Series([FIVE], dtype="uint64")),
        ("ns", pd.Series([FIVE * 1_000])),
        ("ns", pd.Series([str(FIVE * 1_000)])),
        ("ms", pd.Series(["2013-02-01T05:00:00Z"])),
        ("ms", pd.Series(pd.to_datetime(["2013-02-01T05:00"]))),
    ],
)
def test_epoch_numbers_are_read_by_their_unit(unit: str, column: pd.Series[Any]) -> None:
    """A declared unit reads numbers of every type and in text; typed times and ISO texts need none."""
    found = event_times(column, TimeFormat(unit))
    assert (found.micros.tolist(), found.reasons.tolist()) == ([FIVE], [USABLE])


@pytest.mark.parametrize("value", ["1e400", 10**40, float("inf"), Decimal("1e999999"), "9" * 200, 2**63])
def test_an_epoch_number_out_of_range_is_outside(value: object) -> None:
    """No number is wrapped round, and none takes long."""
    found = event_times(pd.Series([value], dtype=object), TimeFormat("s"))
    assert found.reasons.tolist() == [OUTSIDE]


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("%d/%m/%Y %H:%M", "01/02/2013 05:00"),
        ("%d.%m.%Y %H:%M %z", " 01.02.2013 06:00 +0100 "),
        ("%Y%m%d%H", 2013020105),
        ("%Y%m%d%H", 2013020105.0),
        ("%Y%m%d%H", "2013020105"),
        ("%d %b %Y %I %p", "01 Feb 2013 05 AM"),
        ("%d/%m/%Y", pd.Timestamp("2013-02-01T05:00Z")),
    ],
)
def test_a_pattern_reads_what_is_not_iso(pattern: str, value: object) -> None:
    """Texts and whole numbers follow strptime's directives."""
    for column in (pd.Series([value]), pd.Series([value], dtype=object)):
        assert event_times(column, TimeFormat(pattern=pattern)).micros.tolist() == [FIVE]


@pytest.mark.parametrize("value", ["now", "today", "31/02/2013", "2013-02-01", "01/02/2013 x"])
def test_what_does_not_match_the_pattern_is_refused(value: str) -> None:
    """A text of another form is no time, not even one that pandas could read."""
    found = event_times(pd.Series([value, "", None]), TimeFormat(pattern="%d/%m/%Y"))
    assert found.reasons.tolist() == [UNREADABLE, MISSING, MISSING]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2013-02-01 06:00", "2013-02-01T05:00Z"),  # winter
        ("2013-07-01 06:00", "2013-07-01T04:00Z"),  # summer
        ("2013-03-31 02:30", "2013-03-31T01:30Z"),  # skipped: 03:30 in summer time
        ("2013-10-27 02:30", "2013-10-27T00:30Z"),  # comes twice: the first
        ("2013-10-27 03:00", "2013-10-27T02:00Z"),
        ("2013-07-01", "2013-06-30T22:00Z"),
        ("2013-07-01T06:00Z", "2013-07-01T06:00Z"),  # an offset wins
        ("2013-07-01 06:00 UTC", "2013-07-01T06:00Z"),
        ("2013-07-01 06:00-05", "2013-07-01T11:00Z"),
        ("20130701T060000", "2013-07-01T04:00Z"),
        ("2013-W27-1T06:00", "2013-07-01T04:00Z"),
    ],
)
def test_times_without_an_offset_are_of_the_declared_zone(local: str, utc: str) -> None:
    """Berlin's clocks, as text, as datetimes and as datetime64: by the rule of the day."""
    form, expected = TimeFormat(zone="Europe/Berlin"), event_times(pd.Series([utc])).micros.tolist()
    columns: list[pd.Series[Any]] = [pd.Series([local])]
    if local[-1].isdigit() and "-05" not in local and "W" not in local:
        naive = pd.Timestamp(local)
        columns += [pd.Series([naive]), pd.Series([naive.to_pydatetime()], dtype=object)]
    assert [event_times(column, form).micros.tolist() for column in columns] == [expected] * len(columns)


def test_a_zones_times_equal_pandas() -> None:
    """Ten years of half hours, but for those that clocks skip or show twice, are pandas' own."""
    local = pd.Series(pd.date_range("2005-01-01", "2015-01-01", freq="30min"))
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"):
        expected = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
        found = event_times(local, TimeFormat(zone=zone)).micros[expected.notna()]
        assert (found == expected.dropna().dt.as_unit("us").astype("int64")).all()


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
