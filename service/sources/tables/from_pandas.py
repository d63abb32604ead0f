"""A pandas frame as typed arrays: the only place where pandas meets the core.

Guarantee: a row's numbers and labels depend on that row and the column's type alone, so that rows split in
another way profile to the same bits. What is no number is marked unparsable, never silently missing; empty
text is missing in a column of numbers or labels, and so are words such as NULL in one of numbers. Numbers
beyond 2**53 are rounded to the nearest double, labels and ids never.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.core.rows.batch import Arrival, Batch, Numbers, Texts, steps_back
from service.core.rows.label_text import clean
from service.core.rows.missing_words import words_of
from service.core.rows.schema import Kind
from service.core.rows.take import Reject
from service.sources.table_format import PLAIN_TIME
from service.sources.tables.cell import content_of, is_missing
from service.sources.tables.event_time import reason_text
from service.sources.tables.identity import NO_IDENTITIES
from service.sources.tables.misfits import find_misfits
from service.sources.tables.number_text import parser, plain_number
from service.sources.tables.pandas_labels import identities, labels
from service.sources.tables.pandas_time import event_times
from service.sources.tables.parsed import Framed, check_names, composed_names, unwatched_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionDtype

    from service.core.rows.batch import ColumnRows, Misfit
    from service.core.rows.number_format import NumberFormat
    from service.core.rows.schema import Column, Schema
    from service.sources.table_format import TimeFormat
    from service.sources.tables.identity import Identities

TEXT_LENGTH = 1_000  # of a rejected row's cell
NUMBER_KINDS = {"integer", "floating", "mixed-integer-float", "boolean"}
LONGEST_WHOLE = 1e16  # from which Python writes a float with an exponent
NO_WORDS: frozenset[str] = frozenset()


def to_batch(
    frame: pd.DataFrame,
    schema: Schema,
    timestamp: str | None,
    *,
    keep_rejects: int = 100,
    names: Sequence[str] | None = None,
    time: TimeFormat = PLAIN_TIME,
    number: NumberFormat | None = None,
) -> Framed:
    """Return the schema's columns of `frame` as typed arrays, event time from the column `timestamp`.

    A row without a usable time is a reject; a column that the frame does not have is absent from the batch.
    With `timestamp` None (a reference without time) every row's event time is 0. `names` are the columns
    that came, where the frame holds but some of them; `time` is how times are written, and `number` how
    numbers are in the columns that have no form of their own. Raises SourceError where the timestamp column
    is not there, or where a column that is needed is there twice.
    """
    frame = composed(frame)
    check_names(list(frame.columns), schema, timestamp)
    beside = unwatched_names(list(frame.columns) if names is None else names, schema, timestamp)
    found = None if timestamp is None else event_times(frame[timestamp], time)
    kept = frame if found is None or found.usable.all() else frame[found.usable]
    micros = np.zeros(len(frame), dtype=np.int64) if found is None else found.micros[found.usable]
    columns, misfits = columns_of(kept, schema, number)
    ids = _identities(kept, schema)
    arrival = Arrival(
        beside,
        ids.hashes,
        None if found is None else steps_back(micros),
        misfits=misfits,
        example_id=ids.example,
        check=ids.check,
    )
    batch = Batch(len(kept), micros, columns, arrival)
    if kept is frame or found is None or timestamp is None:
        return Framed(batch)
    refused = np.flatnonzero(~found.usable)
    shown = refused[:keep_rejects]
    rejects = rejects_of(frame.iloc[shown], found.reasons[shown], timestamp, time)
    return Framed(batch, rejects, len(refused))


def composed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its columns' names in Unicode's composed form."""
    names = composed_names(frame.columns)
    return frame if names == list(frame.columns) else frame.set_axis(names, axis="columns")


def columns_of(
    frame: pd.DataFrame, schema: Schema, number: NumberFormat | None = None
) -> tuple[dict[str, ColumnRows], tuple[Misfit, ...]]:
    """Return the watched columns that a frame has, and which of them hold something else than their kind.

    `number` is how numbers are written in the columns that have no form of their own.
    """
    held = [column for column in schema.columns if column.name in frame.columns]
    columns = {column.name: _column(frame[column.name], column, number) for column in held}
    return columns, find_misfits(frame, columns, schema)


def _column(held: pd.Series[Any], column: Column, number: NumberFormat | None) -> ColumnRows:
    if column.kind is Kind.CATEGORICAL:
        return labels(held)
    if column.kind is Kind.TEXT:
        return texts(held)
    return numbers(held, column.number or number, words=words_of(column))


def numbers(
    column: pd.Series[Any], form: NumberFormat | None = None, *, words: frozenset[str] = NO_WORDS
) -> Numbers:
    """Return a column as float64, shape (n,): booleans as 0 and 1, text parsed, times never a number.

    Texts follow `form` where one is declared; one that is among `words` is missing.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _numbers_of_categories(column, form, words)
    if _is_plain_number(dtype):
        with np.errstate(over="ignore"):  # a wider float than float64 becomes infinite
            return Numbers(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if isinstance(dtype, np.dtype) and dtype.kind in "cmM":
        return _marked(np.full(len(column), np.nan), column.notna().to_numpy(dtype=np.bool_))
    read = plain_number if form is None else parser(form)
    return _parsed(
        np.asarray(column, dtype=object), lambda text: math.nan if text.strip() in words else read(text)
    )


def texts(column: pd.Series[Any]) -> Texts:
    """Return a column as texts; a text without a character is one, and not missing."""
    written = [_written(value) for value in np.asarray(column, dtype=object).tolist()]
    return Texts(np.array(written, dtype=object))


def _identities(frame: pd.DataFrame, schema: Schema) -> Identities:
    if schema.identity is None or schema.identity not in frame.columns:
        return NO_IDENTITIES
    return identities(frame[schema.identity], exact=schema.exact_ids)


def _is_plain_number(dtype: np.dtype[Any] | ExtensionDtype) -> bool:
    if isinstance(dtype, np.dtype):
        return dtype.kind in "biuf"
    is_number = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    return is_number and not isinstance(dtype, pd.SparseDtype)


def _numbers_of_categories(
    column: pd.Series[Any], form: NumberFormat | None, words: frozenset[str]
) -> Numbers:
    distinct = numbers(pd.Series(column.cat.categories), form, words=words)
    codes = column.cat.codes.to_numpy()
    values = np.append(distinct.values, np.nan)[codes]  # code -1, missing, is the last
    if distinct.unparsable is None:
        return Numbers(values)
    return _marked(values, np.append(distinct.unparsable, False)[codes])


def _marked(values: NDArray[np.float64], unparsable: NDArray[np.bool_]) -> Numbers:
    return Numbers(values, unparsable if unparsable.any() else None)


def _parsed(objects: NDArray[np.object_], read: Callable[[str], float | None]) -> Numbers:
    if content_of(objects) in NUMBER_KINDS:
        try:
            return Numbers(np.where(pd.isna(objects), np.nan, objects).astype(np.float64))
        except OverflowError:  # an integer beyond a double
            pass
    values = [_number(value, read) for value in objects.tolist()]
    unparsable = np.array([value is None for value in values], dtype=np.bool_)
    return _marked(np.array(values, dtype=np.float64), unparsable)  # None becomes NaN


def _number(value: Any, read: Callable[[str], float | None]) -> float | None:
    if isinstance(value, str):
        return read(value)
    if isinstance(value, dt.date | dt.timedelta | np.datetime64 | np.timedelta64 | complex | bytes):
        return math.nan if value != value else None  # noqa: PLR0124 - true of NaT and NaN alone
    if is_missing(value):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _written(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        return clean(value)
    if is_missing(value):
        return None
    if isinstance(value, float | np.floating):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < LONGEST_WHOLE else repr(number)
    return clean(str(value))


def rejects_of(
    frame: pd.DataFrame, reasons: NDArray[np.int8], timestamp: str, form: TimeFormat
) -> tuple[Reject, ...]:
    """Return a frame's rows as rejects; `reasons` say what is wrong with their times, shape (n,)."""
    names = [str(name) for name in frame.columns]
    cells = [frame.iloc[:, place].tolist() for place in range(len(names))]
    told = [f"{timestamp} {reason_text(code, pattern=form.pattern)}" for code in reasons.tolist()]
    rows = [[_plain(column[row]) for column in cells] for row in range(len(frame))]
    return tuple(
        Reject(dict(zip(names, row, strict=True)), reason) for row, reason in zip(rows, told, strict=True)
    )


def _plain(value: Any) -> Any:
    # What JSON and Postgres can hold of a cell.
    if is_missing(value):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = value.isoformat() if isinstance(value, dt.date) else str(value)
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()[:TEXT_LENGTH]
