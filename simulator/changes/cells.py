"""Writes values into columns of any type: whole numbers stay whole, text stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from simulator.changes.stream import MisfitError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionDtype

    from simulator.changes.stream import Stream

    Dtype = np.dtype[Any] | ExtensionDtype
    Label = str | bool | int | float

INT64_LIMIT = 2.0**63


def is_number(dtype: Dtype) -> bool:
    """Say whether a column of this type holds numbers that can be moved."""
    numeric = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    return numeric and not pd.api.types.is_complex_dtype(dtype)


def numbers(stream: Stream, name: str, *, key: str = "columns") -> NDArray[np.float64]:
    """Return a column as float64, shape (n,), NaN where missing.

    Raises MisfitError about `key` where it holds no numbers.
    """
    column = stream.rows[name]
    if not is_number(column.dtype):
        raise MisfitError(key, f"{name!r} holds {column.dtype}; expected a column of numbers")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def deviation(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of the finite values; 0 where there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.std()) if len(finite) else 0.0


def with_numbers(stream: Stream, name: str, places: NDArray[np.intp], values: NDArray[np.float64]) -> Stream:
    """Write numbers (float64, shape (k,), NaN: missing) at `places`, rounded in a column of whole numbers.

    A value that a whole number cannot hold, infinite or beyond 64 bits, turns the column into floats.
    """
    column = stream.rows[name]
    if pd.api.types.is_integer_dtype(column.dtype):
        whole = np.round(values)
        missing = np.isnan(whole)
        if not (np.abs(np.append(whole, numbers(stream, name))) >= INT64_LIMIT).any():
            return stream.with_column(name, _with_whole(column, places, whole, missing))
        column = pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan))
    changed = column.copy()
    changed.iloc[places] = values
    return stream.with_column(name, changed)


def _with_whole(
    column: pd.Series[Any], places: NDArray[np.intp], whole: NDArray[np.float64], missing: NDArray[np.bool_]
) -> pd.Series[Any]:
    before = column.astype("Int64")
    content = before.to_numpy(dtype=np.int64, na_value=0).copy()
    empty = before.isna().to_numpy(dtype=np.bool_).copy()
    content[places] = np.where(missing, 0.0, whole).astype(np.int64)
    empty[places] = missing
    if isinstance(column.dtype, np.dtype) and not empty.any():
        return pd.Series(content)
    return pd.Series(pd.arrays.IntegerArray(content, empty))


def with_label(stream: Stream, name: str, places: NDArray[np.intp], label: Label) -> Stream:
    """Write one value at `places`; text into text, a number into numbers.

    Raises MisfitError about the key `label` where the column cannot hold it.
    """
    column = stream.rows[name]
    if is_number(column.dtype):
        if isinstance(label, str | bool):
            raise MisfitError("label", f"{name!r} holds {column.dtype}; expected a number, got {label!r}")
        return with_numbers(stream, name, places, np.full(len(places), float(label)))
    if isinstance(column.dtype, pd.CategoricalDtype):
        kept = column.cat.categories
        text: Label = label if is_number(kept.dtype) else str(label)
        changed = column if text in kept else column.cat.add_categories([text])
        return stream.with_column(name, _with_text(changed, places, text))
    if not (pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype)):
        raise MisfitError("columns", f"{name!r} holds {column.dtype}; expected text, categories or numbers")
    return stream.with_column(name, _with_text(column, places, str(label)))


def _with_text(column: pd.Series[Any], places: NDArray[np.intp], label: Label) -> pd.Series[Any]:
    written = np.zeros(len(column), dtype=np.bool_)
    written[places] = True
    return column.mask(written, label)


def with_missing(stream: Stream, name: str, places: NDArray[np.intp]) -> Stream:
    """Empty the cells at `places`; columns of whole numbers and booleans become nullable."""
    column = stream.rows[name]
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
        column = column.astype("Int64")
    elif isinstance(column.dtype, np.dtype) and column.dtype.kind == "b":
        column = column.astype("boolean")
    emptied = np.zeros(len(column), dtype=np.bool_)
    emptied[places] = True
    return stream.with_column(name, column.mask(emptied))
