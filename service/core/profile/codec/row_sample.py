"""A row sample's form in a profile's bytes: a JSON head, and the arrays that it names.

Rows lie in the order in which they came, so ordinals and times are kept as steps, which are small. The bytes
of a column's numbers lie first bytes first: neighbours share them, and compression finds that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.profile.row_sample import RowSample
from service.core.rows.batch import Labels, Numbers, Texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows

    Take = Callable[[str, int], NDArray[Any]]

_NAN = np.float64(np.nan)


def row_sample_head(sample: RowSample, arrays: list[bytes]) -> dict[str, Any]:
    """Return a sample's head; what it names is appended to `arrays`."""
    steps = (np.diff(counted, prepend=0) for counted in (sample.ordinals, sample.event_time))
    arrays += [_turned(array.astype("<i8")) for array in steps]
    return {
        "size": sample.size,
        "rows": sample.rows,
        "columns": {name: _column_head(column, arrays) for name, column in sample.columns.items()},
    }


def row_sample_of(head: dict[str, Any], take: Take) -> RowSample:
    """Return the sample that `head` was made of; `take` gives the next array, by dtype and length."""
    rows = head["rows"]
    ordinals, times = (np.cumsum(_turned_back(take, "<i8", rows)) for _ in range(2))
    columns = {name: _column(entry, rows, take) for name, entry in head["columns"].items()}
    return RowSample(head["size"], ordinals, times, columns)


def _column_head(column: ColumnRows, arrays: list[bytes]) -> dict[str, Any]:
    if isinstance(column, Texts):
        return {"texts": column.texts.tolist()}
    if isinstance(column, Labels):
        arrays.append(_turned(column.codes.astype("<i4")))
        return {"labels": column.labels.tolist()}
    arrays.append(_turned(np.where(np.isnan(column.values), _NAN, column.values).astype("<f8")))
    marks = [] if column.unparsable is None else np.flatnonzero(column.unparsable).tolist()
    return {"unparsable": marks}


def _column(entry: dict[str, Any], rows: int, take: Take) -> ColumnRows:
    if "texts" in entry:
        return Texts(np.array(entry["texts"], dtype=object))
    if "labels" in entry:
        return Labels(_turned_back(take, "<i4", rows), np.array(entry["labels"], dtype=np.str_))
    values = _turned_back(take, "<f8", rows)
    if not entry["unparsable"]:
        return Numbers(values)
    marks = np.zeros(rows, dtype=np.bool_)
    marks[entry["unparsable"]] = True
    return Numbers(values, marks)


def _turned(array: NDArray[Any]) -> bytes:
    return array.view(np.uint8).reshape(len(array), array.itemsize).T.tobytes()


def _turned_back(take: Take, dtype: str, rows: int) -> NDArray[Any]:
    size = np.dtype(dtype).itemsize
    turned = take("u1", rows * size).reshape(size, rows)
    return np.ascontiguousarray(turned.T).view(dtype).reshape(rows)
