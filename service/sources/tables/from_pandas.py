"""A pandas frame as typed arrays: the only place where pandas meets the core.

Guarantee: a row's numbers and labels depend on that row and the column's type alone, so that rows split in
another way profile to the same bits. What is no number is marked unparsable, never silently missing; empty
text is missing in a column of numbers or labels. Integers beyond 2**53 are rounded to the nearest double.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.core.rows import row_hash
from service.core.rows.batch import Arrival, Batch, Labels, Numbers, Texts, steps_back
from service.core.rows.schema import Kind
from service.core.rows.take import Reject
from service.sources.table_format import PLAIN_TIME
from service.sources.tables.cell import content_of, is_missing
from service.sources.tables.event_time import reason_text
from service.sources.tables.label_text import clean, coded, storable
from service.sources.tables.misfits import find_misfits
from service.sources.tables.number_text import parser
from service.sources.tables.pandas_time import event_times
from service.sources.tables.parsed import Framed, check_names, unwatched_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionDtype

    from service.core.rows.batch import ColumnRows
    from service.core.rows.number_format import NumberFormat
    from service.core.rows.schema import Schema
    from service.sources.table_format import TimeFormat
    from service.sources.tables.event_time import EventTimes

LABEL_LENGTH = (
    200  # a longer label is cut and told apart by a hash: labels are stored at the longest one's width
)
TEXT_LENGTH = 1_000  # of a rejected row's cell
NUMBER_KINDS = {"integer", "floating", "mixed-integer-float", "boolean"}


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
    held = [name for name in schema.names if name in frame.columns]
    check_names(list(frame.columns), schema, timestamp)
    beside = unwatched_names(list(frame.columns) if names is None else names, schema, timestamp)
    if timestamp is None:
        times = np.zeros(len(frame), dtype=np.int64)
        columns = _columns(frame, schema, held, number)
        arrival = Arrival(beside, _identity(frame, schema), misfits=find_misfits(frame, columns, schema))
        return Framed(Batch(len(frame), times, columns, arrival))
    found = event_times(frame[timestamp], time)
    usable = found.usable
    kept = frame if usable.all() else frame[usable]
    times = found.micros[usable]
    columns = _columns(kept, schema, held, number)
    misfits = find_misfits(kept, columns, schema)
    arrival = Arrival(beside, _identity(kept, schema), steps_back(times), misfits=misfits)
    batch = Batch(len(kept), times, columns, arrival)
    if kept is frame:
        return Framed(batch)
    rejects = _rejects(frame, found, timestamp, keep_rejects, time)
    return Framed(batch, rejects, len(frame) - batch.rows)


def _columns(
    frame: pd.DataFrame, schema: Schema, names: Sequence[str], number: NumberFormat | None
) -> dict[str, ColumnRows]:
    written = {column.name: column.number or number for column in schema.columns}
    reader: dict[Kind, Callable[[pd.Series[Any]], ColumnRows]] = {
        Kind.NUMERICAL: lambda column: numbers(column, written[str(column.name)]),
        Kind.CATEGORICAL: labels,
        Kind.TEXT: texts,
    }
    kinds = {column.name: column.kind for column in schema.columns}
    found = {name: reader[kinds[name]](frame[name]) for name in names if name != schema.identity}
    if (
        schema.identity is not None and schema.identity in names
    ):  # no number even if it looks like one, see `arrow.py`
        found[schema.identity] = _text_labels(np.asarray(frame[schema.identity], dtype=object))
    return found


def numbers(column: pd.Series[Any], form: NumberFormat | None = None) -> Numbers:
    """Return a column as float64, shape (n,): booleans as 0 and 1, text parsed, times never a number.

    Texts follow `form` where one is declared.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _numbers_of_categories(column, form)
    if _is_plain_number(dtype):
        with np.errstate(over="ignore"):  # a wider float than float64 becomes infinite
            return Numbers(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if isinstance(dtype, np.dtype) and dtype.kind in "cmM":
        return _marked(np.full(len(column), np.nan), column.notna().to_numpy(dtype=np.bool_))
    return _parsed(np.asarray(column, dtype=object), _number_in if form is None else parser(form))


def labels(column: pd.Series[Any]) -> Labels:
    """Return a column as codes into sorted distinct labels: float64 for numbers, otherwise text."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        texts = [_text(category) for category in dtype.categories.tolist()]
        return coded(column.cat.codes.to_numpy(), texts)
    if pd.api.types.is_bool_dtype(dtype) or not _is_plain_number(dtype):
        return _text_labels(np.asarray(column, dtype=object))
    values = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # one zero: -0.0 becomes 0.0
    codes, distinct = pd.factorize(values, sort=True)
    return Labels(codes, distinct)


def texts(column: pd.Series[Any]) -> Texts:
    """Return a column as texts; a text without a character is one, and not missing."""
    written = [_written(value) for value in np.asarray(column, dtype=object).tolist()]
    return Texts(np.array(written, dtype=object))


def _identity(frame: pd.DataFrame, schema: Schema) -> NDArray[np.uint64] | None:
    if schema.identity is None or schema.identity not in frame.columns:
        return None
    return identities(frame[schema.identity])


def identities(column: pd.Series[Any]) -> NDArray[np.uint64]:
    """Return a column of ids as hashes, shape (n,), 0 where missing: 5, 5.0 and "5" are one id.

    Integers of any size are told apart; they are never rounded to a double.
    """
    texts = [_text(value) or "" for value in np.asarray(column, dtype=object).tolist()]
    return row_hash.of_texts(np.array(texts, dtype=np.str_))


def _is_plain_number(dtype: np.dtype[Any] | ExtensionDtype) -> bool:
    if isinstance(dtype, np.dtype):
        return dtype.kind in "biuf"
    is_number = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    return is_number and not isinstance(dtype, pd.SparseDtype)


def _numbers_of_categories(column: pd.Series[Any], form: NumberFormat | None) -> Numbers:
    distinct = numbers(pd.Series(column.cat.categories), form)
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


def _number_in(text: str) -> float | None:
    if not text or text.isspace():
        return math.nan
    if "_" in text or not text.isascii():
        return None  # Python's own spellings of a number, no one else's
    try:
        return float(text)
    except ValueError:
        return None


def _text_labels(objects: NDArray[np.object_]) -> Labels:
    if content_of(objects) != "string":
        # Texts first: True, 1 and 1.0 are one key of a hash table, and which one stays depends on the order.
        objects = np.array([_text(value) for value in objects.tolist()], dtype=object)
    codes, distinct = pd.factorize(objects)
    return coded(codes, [_text(value) for value in distinct.tolist()])


def _text(value: Any) -> str | None:
    text = _written(value)
    return storable(text) if text and not text.isspace() else None


def _written(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        return clean(value)
    if is_missing(value):
        return None
    if isinstance(value, float | np.floating):
        return f"{value:.17g}"  # a whole number is the same label as an integer or a float
    return clean(str(value))


def _rejects(
    frame: pd.DataFrame, found: EventTimes, timestamp: str, keep_rejects: int, form: TimeFormat
) -> tuple[Reject, ...]:
    chosen = np.flatnonzero(~found.usable)[:keep_rejects]
    names = [str(name) for name in frame.columns]
    part = frame.iloc[chosen]
    cells = [part.iloc[:, place].tolist() for place in range(len(names))]
    codes = found.reasons[chosen].tolist()
    reasons = [f"{timestamp} {reason_text(code, pattern=form.pattern)}" for code in codes]
    rows = [[_plain(column[row]) for column in cells] for row in range(len(chosen))]
    return tuple(
        Reject(dict(zip(names, row, strict=True)), reason) for row, reason in zip(rows, reasons, strict=True)
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
