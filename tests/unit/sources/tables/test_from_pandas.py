"""Pandas frames of every kind of content become typed arrays; bad cells are marked, bad rows refused."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import distribution
from service.core.rows.batch import Labels, Numbers
from service.core.rows.label_text import LABEL_LENGTH
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.tables.from_pandas import labels, numbers, texts, to_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

NAN = float("nan")
SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
TIMES = ["2013-02-01T05:00:00Z", "2013-02-01T06:00:00Z", "2013-02-01T07:00:00Z"]


def numbers_of(values: Sequence[Any], dtype: Any = object) -> Numbers:
    return numbers(pd.Series(values, dtype=dtype))


def texts_of(column: Labels) -> list[Any]:
    """Give each row's label, None where missing."""
    return [None if code < 0 else column.labels[code].item() for code in column.codes.tolist()]


def same(found: Numbers, expected: Sequence[float], unparsable: Sequence[bool] | None = None) -> bool:
    marks = None if found.unparsable is None else found.unparsable.tolist()
    values = np.asarray(found.values)
    is_equal = np.array_equal(values, np.array(expected, dtype=np.float64), equal_nan=True)
    return is_equal and values.dtype == np.float64 and marks == unparsable


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, 2, 3]), [1, 2, 3]),
        (pd.Series([1.5, NAN, -np.inf]), [1.5, NAN, -np.inf]),
        (pd.Series([True, False, True]), [1, 0, 1]),
        (pd.Series([1, None, 3], dtype="Int64"), [1, NAN, 3]),
        (pd.Series([True, None, False], dtype="boolean"), [1, NAN, 0]),
        (pd.Series([1.5, None, 2], dtype="Float32"), [1.5, NAN, 2]),
        (pd.Series([1, None, 3], dtype=pd.ArrowDtype(pa.int16())), [1, NAN, 3]),
        (pd.Series([True, None, False], dtype=pd.ArrowDtype(pa.bool_())), [1, NAN, 0]),
        (pd.Series([Decimal("1.5"), None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), [1.5, NAN]),
        (pd.Series([1.0, 0.0, NAN], dtype=pd.SparseDtype("float64")), [1, 0, NAN]),
        (pd.Series([Decimal("0.1"), None, Decimal("NaN"), Decimal("sNaN")]), [0.1, NAN, NAN, NAN]),
        (pd.Series([1, 2.5, None, pd.NA, pd.NaT, NAN, True], dtype=object), [1, 2.5, NAN, NAN, NAN, NAN, 1]),
        (pd.Series([None, None], dtype=object), [NAN, NAN]),
        (pd.Series([], dtype=object), []),
        (pd.Series(["3", "x", "3"]).astype("category").cat.set_categories(["3"]), [3, NAN, 3]),
    ],
)
def test_numbers_of_any_dtype_become_float64(column: pd.Series[Any], expected: list[float]) -> None:
    """A numerical column of any dtype is float64, missing as NaN, with nothing marked."""
    assert same(numbers(column), expected)


@pytest.mark.parametrize("dtype", [object, "string", "category", pd.ArrowDtype(pa.string())])
def test_text_is_parsed_and_what_is_no_number_is_marked(dtype: Any) -> None:
    """Numbers that arrive as text are numbers, empty text is missing, all other text is unparsable."""
    found = numbers_of(
        ["1.5", " 2 ", "", "  ", "nan", "-inf", "12 kg", "1,5", "1_000", "\u0661", None], dtype
    )
    marks = [False] * 6 + [True] * 4 + [False]
    assert same(found, [1.5, 2, NAN, NAN, NAN, -np.inf, NAN, NAN, NAN, NAN, NAN], marks)


@pytest.mark.parametrize(
    "value",
    [
        1j,
        dt.datetime(2013, 1, 1, tzinfo=dt.UTC),
        dt.date(2013, 1, 1),
        dt.timedelta(1),
        [1],
        {},
        b"1",
        10**400,
    ],
)
def test_what_is_neither_number_nor_text_is_unparsable(value: object) -> None:
    """A value of another type than a number is marked, and the numbers beside it stay."""
    cells = np.array([1.0, None, None], dtype=object)
    cells[1] = value
    column = pd.Series(cells)
    assert same(numbers(column), [1, NAN, NAN], [False, True, False])


@pytest.mark.parametrize("dtype", ["complex128", "datetime64[ns]", "datetime64[us, UTC]", "timedelta64[ns]"])
def test_a_column_of_times_or_complex_numbers_is_unparsable(dtype: str) -> None:
    """A column whose dtype is no real number is unparsable wherever it is not missing."""
    assert same(numbers_of([1, None], dtype), [NAN, NAN], [True, False])


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_a_number_survives_being_text(values: list[float]) -> None:
    """Text of a double gives the same double back, bit for bit."""
    assert np.array_equal(numbers_of([repr(value) for value in values]).values, np.array(values))


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.decimals(),
    st.dates(),
    st.binary(),
)


@given(st.lists(CELLS, max_size=12), st.integers(0, 12))
def test_a_row_means_the_same_beside_any_other_rows(values: list[object], cut: int) -> None:
    """Numbers and labels of mixed columns do not depend on how the rows were split."""
    parts = [values[:cut], values[cut:]]
    whole = numbers_of(values)
    halves = [numbers_of(part) for part in parts]
    assert same(Numbers(whole.values), np.concatenate([np.asarray(half.values) for half in halves]).tolist())
    marks = [
        np.zeros(len(c.values), np.bool_) if c.unparsable is None else c.unparsable for c in (whole, *halves)
    ]
    assert np.array_equal(marks[0], np.concatenate(marks[1:]))
    labelled = [labels(pd.Series(part, dtype=object)) for part in (values, *parts)]
    assert texts_of(labelled[0]) == texts_of(labelled[1]) + texts_of(labelled[2])


@given(st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers(0, 3)), max_size=20))
def test_labels_are_sorted_distinct_and_storable(values: list[object]) -> None:
    """Labels are strictly ascending text that UTF-8 can hold, and codes index it or are -1."""
    found = labels(pd.Series(values, dtype=object))
    assert found.labels.tolist() == sorted(set(found.labels.tolist()))
    assert all(label and "\0" not in label and label.encode() for label in found.labels.tolist())
    assert ((found.codes >= -1) & (found.codes < len(found.labels))).all()
    assert distribution.of_codes(found.codes, found.labels).rows == len(values)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series(["b", "a", None, "", " ", "b"]), ["b", "a", None, None, None, "b"]),
        (pd.Series(["b", None, "a"], dtype="category"), ["b", None, "a"]),
        (pd.Series([2, 1, None], dtype=object).astype("category"), ["2", "1", None]),
        (pd.Series([True, None, False], dtype=object), ["True", None, "False"]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series([True, None], dtype="boolean"), ["True", None]),
        (pd.Series([3, 1, 3]), ["3", "1", "3"]),
        (pd.Series([3.5, NAN, -0.0]), ["3.5", None, "0"]),
        (pd.Series([3, None], dtype="Int64"), ["3", None]),
        (pd.Series([1, "a", 1.0, True, NAN], dtype=object), ["1", "a", "1", "True", None]),
        (pd.Series(["a", None], dtype=pd.ArrowDtype(pa.string())), ["a", None]),
        (pd.Series([b"a", [1], pd.NaT], dtype=object), ["a", "[1]", None]),
        (pd.Series([None, None], dtype=object), [None, None]),
        (pd.Series([], dtype=object), []),
    ],
)
def test_labels_of_any_dtype(column: pd.Series[Any], expected: list[Any]) -> None:
    """A categorical column is text, numbers by their canonical one, and empty cells are missing."""
    assert texts_of(labels(column)) == expected


def test_long_labels_stay_distinct_and_short() -> None:
    """Labels that differ only far behind stay two labels of bounded length."""
    found = labels(pd.Series(["x" * 10_000 + "a", "x" * 10_000 + "b"]))
    assert len(found.labels) == 2
    assert max(len(label) for label in found.labels.tolist()) == LABEL_LENGTH


def test_rows_without_a_usable_time_are_rejects_and_the_others_stay() -> None:
    """Bad timestamps cost their own rows alone, which are kept JSON-able with the reason."""
    frame = pd.DataFrame(
        {
            "at": [TIMES[0], "yesterday", None, 5],
            "size": [1.0, NAN, np.inf, 4.0],
            "colour": ["red", "blue\0", None, "red"],
            "seen": pd.to_datetime(pd.Series([TIMES[0], None, TIMES[1], TIMES[2]])),
        }
    )
    framed = to_batch(frame, SCHEMA, "at", keep_rejects=2)
    assert framed.batch.event_time.tolist() == [1_359_694_800_000_000]
    size = framed.batch.columns["size"]
    assert isinstance(size, Numbers)
    assert same(size, [1.0])
    assert framed.rejected == 3
    assert [reject.reason.split(":")[0] for reject in framed.rejects] == ["at is not a time", "at is missing"]
    rows = json.loads(json.dumps([reject.row for reject in framed.rejects], allow_nan=False))
    assert rows == [
        {"at": "yesterday", "size": None, "colour": "blue\ufffd", "seen": None},
        {"at": None, "size": "inf", "colour": None, "seen": "2013-02-01T06:00:00+00:00"},
    ]


def test_columns_are_absent_where_the_frame_has_none() -> None:
    """A column that never came is absent from the batch, not filled with anything."""
    framed = to_batch(pd.DataFrame({"at": TIMES, "size": [1, 2, 3], "other": [1, 2, 3]}), SCHEMA, "at")
    assert list(framed.batch.columns) == ["size"]


@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row(rows: int) -> None:
    """A frame of no row or of one is a batch of as many."""
    frame = pd.DataFrame({"at": TIMES, "size": [1, 2, 3], "colour": ["a", "b", "c"]}).head(rows)
    batch = to_batch(frame, SCHEMA, "at").batch
    assert (batch.rows, len(batch.event_time), sorted(batch.columns)) == (rows, rows, ["colour", "size"])


def test_without_a_timestamp_every_row_is_kept() -> None:
    """A reference may have no time: then every row counts."""
    batch = to_batch(pd.DataFrame({"size": [1, 2]}), SCHEMA, None).batch
    assert (batch.rows, batch.event_time.tolist()) == (2, [0, 0])


def test_a_missing_timestamp_column_names_what_there_is_and_the_nearest() -> None:
    """The error says which columns there are and which one was probably meant."""
    with pytest.raises(SourceError, match=r"'departure' is not .* size, departed.* nearest is 'departed'"):
        to_batch(pd.DataFrame({"size": [1], "departed": TIMES[:1]}), SCHEMA, "departure")


def test_a_needed_column_that_is_there_twice_is_refused() -> None:
    """Two columns of one watched name are an error, of another name they are not."""
    frame = pd.DataFrame([[TIMES[0], 1, 2]], columns=["at", "size", "size"])
    with pytest.raises(SourceError, match="'size' is in the data more than once"):
        to_batch(frame, SCHEMA, "at")
    assert to_batch(frame.set_axis(["at", "x", "x"], axis=1), SCHEMA, "at").batch.rows == 1


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series(["late", "", "  ", None, NAN]), ["late", "", "  ", None, None]),
        (pd.Series([5, 5.5, True, b"raw", pd.NaT], dtype=object), ["5", "5.5", "True", "raw", None]),
        (pd.Series([1.0, NAN]), ["1", None]),
        (pd.Series(["nul\0", "\ud800"]), ["nul\ufffd", "?"]),
        (pd.Series(["a", None], dtype="category"), ["a", None]),
        (pd.Series(["a", None], dtype="string"), ["a", None]),
        (pd.Series(["x" * 5_000]), ["x" * 5_000]),
    ],
)
def test_texts_are_kept_as_they_are(column: pd.Series[Any], expected: list[str | None]) -> None:
    """A text is neither cut nor folded, an empty one is there; what holds nothing is missing."""
    assert texts(column).texts.tolist() == expected
