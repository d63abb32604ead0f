"""A sample of whole rows, drawn evenly: what joint measures and reports need besides counts.

Every row has a priority, a seeded hash of its ordinal in the monitor's stream; the rows with the smallest are
kept (bottom-k sampling: E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", 2007). It goes by
the ordinal and not by the content, so that rows that repeat are drawn as often as they come, and it does not
depend on when, where or in which batch a row was profiled. Guarantee: the sample of a whole is that of its
parts' samples merged, bit for bit, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.profile.part import Part
from service.core.rows import row_hash
from service.core.rows.batch import Batch, Labels, Numbers, Texts
from service.core.rows.schema import Kind
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import ColumnRows
    from service.core.rows.schema import Column, Schema

SEED = 0x7469_6465  # fixed: the same rows are drawn on every machine
SIZE = 500  # the default: a joint measure of a dozen columns settles there, and a pane stays small
MAX_SIZE = 20_000
TEXT_LENGTH = 2_000  # characters: of a longer text the beginning is kept
FORMS = {Kind.NUMERICAL: Numbers, Kind.CATEGORICAL: Labels, Kind.TEXT: Texts}


def _no_ordinals() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class RowSample:
    """At most `size` rows in the order in which they came; arrays are read-only.

    Attributes:
        size: How many rows are kept at most; 0 for none, and then there are no columns.
        ordinals: The rows' ordinals (int64, ascending, shape (k,)).
        event_time: The rows' times (int64 UTC microseconds, shape (k,)).
        columns: The rows' values by watched column, in the schema's order, each of shape (k,). Labels are
            sorted texts, only those that a row has; codes are int32. A text is kept up to TEXT_LENGTH
            characters. A column that never came is missing in its rows.

    """

    size: int = 0
    ordinals: NDArray[np.int64] = field(default_factory=_no_ordinals)
    event_time: NDArray[np.int64] = field(default_factory=_no_ordinals)
    columns: Mapping[str, ColumnRows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the arrays read-only, so that profiles can share them."""
        held = (_array(column) for column in self.columns.values())
        for array in (self.ordinals, self.event_time, *held):
            array.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        """Compare bit by bit, but for the payload of a NaN."""
        if not isinstance(other, RowSample):
            return NotImplemented
        return (
            self.size == other.size
            and np.array_equal(self.ordinals, other.ordinals)
            and np.array_equal(self.event_time, other.event_time)
            and self.columns.keys() == other.columns.keys()
            and all(_equal(column, other.columns[name]) for name, column in self.columns.items())
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside: compared, never hashed

    @property
    def rows(self) -> int:
        """How many rows are kept."""
        return len(self.ordinals)

    def batch(self) -> Batch:
        """Return the rows kept, in the order in which they came; nothing is known of their arrival."""
        return Batch(self.rows, self.event_time, self.columns, ordinal=self.ordinals)


def empty(schema: Schema, size: int) -> RowSample:
    """Return the sample of no rows: the identity of `merge`. A sample of size 0 has no columns."""
    columns = {c.name: _nothing(c, 0) for c in schema.columns} if size else {}
    return RowSample(size, columns=columns)


def of(batch: Batch, schema: Schema, size: int) -> RowSample:
    """Sample a batch's rows.

    Raises ProfileError where the rows have no ordinals (`Batch.numbered`).
    """
    if not size:
        return RowSample()
    if batch.ordinal is None:
        raise ProfileError("row sample: the rows have no ordinals; number the batch before it is profiled")
    chosen = _smallest(batch.ordinal, size)
    columns = {c.name: _chosen(batch.columns.get(c.name), c, chosen) for c in schema.columns}
    return _ordered(RowSample(size, batch.ordinal[chosen], batch.event_time[chosen], columns))


def merge(parts: Sequence[RowSample]) -> RowSample:
    """Return the sample of all rows that `parts` (one or more, of one schema) were drawn from.

    Raises ProfileError where parts have different sizes.
    """
    first = parts[0]
    for part in parts:
        if part.size != first.size:
            raise ProfileError(f"row samples of {first.size} and {part.size} rows cannot be merged")
    filled = [part for part in parts if part.rows]
    if len(filled) <= 1:
        return filled[0] if filled else first
    chosen = _smallest(np.concatenate([part.ordinals for part in filled]), first.size)
    held = np.cumsum([0, *(part.rows for part in filled)])
    cuts = np.searchsorted(chosen, held)
    places = [chosen[a:b] - start for a, b, start in zip(cuts[:-1], cuts[1:], held[:-1], strict=True)]
    kept = list(zip(filled, places, strict=True))
    return _ordered(
        RowSample(
            first.size,
            np.concatenate([part.ordinals[rows] for part, rows in kept]),
            np.concatenate([part.event_time[rows] for part, rows in kept]),
            {name: _joined([part.columns[name].take(rows) for part, rows in kept]) for name in first.columns},
        )
    )


def _smallest(ordinals: NDArray[np.int64], size: int) -> NDArray[np.intp]:
    # The rows with the `size` smallest priorities, ascending. More only where ordinals repeat.
    if len(ordinals) <= size:
        return np.arange(len(ordinals))
    priorities = row_hash.of_ordinals(ordinals, SEED)
    return np.flatnonzero(priorities <= np.partition(priorities, size - 1)[size - 1])


def _ordered(sample: RowSample) -> RowSample:
    if (np.diff(sample.ordinals) > 0).all():
        return sample
    order = np.argsort(sample.ordinals, kind="stable")
    if not (np.diff(sample.ordinals[order]) > 0).all():
        order = _by_content(sample)
    return RowSample(
        sample.size,
        sample.ordinals[order],
        sample.event_time[order],
        {name: _compact(column.take(order)) for name, column in sample.columns.items()},
    )


def _by_content(sample: RowSample) -> NDArray[np.intp]:
    # Rows of two streams share ordinals: what they hold decides, so that the order of parts does not.
    content = row_hash.of_rows(list(sample.columns.values()), sample.rows)
    by_priority = (content, sample.event_time, row_hash.of_ordinals(sample.ordinals, SEED))
    kept = np.lexsort(by_priority)[: sample.size]
    return kept[np.lexsort((content[kept], sample.event_time[kept], sample.ordinals[kept]))]


def _chosen(column: ColumnRows | None, watched: Column, rows: NDArray[np.intp]) -> ColumnRows:
    if column is None:
        return _nothing(watched, len(rows))
    if not isinstance(column, FORMS[watched.kind]):
        raise ProfileError(f"row sample: {watched.name} holds {type(column).__name__}; it is {watched.kind}")
    return _compact(column.take(rows))


def _array(column: ColumnRows) -> NDArray[Any]:
    if isinstance(column, Texts):
        return column.texts
    return column.values if isinstance(column, Numbers) else column.codes


def _nothing(watched: Column, rows: int) -> ColumnRows:
    if watched.kind is Kind.TEXT:
        return Texts(np.full(rows, None, dtype=object))
    if watched.kind is Kind.CATEGORICAL:
        return Labels(np.full(rows, -1, dtype=np.int32), np.zeros(0, dtype=np.str_))
    return Numbers(np.full(rows, np.nan))


def _compact(column: ColumnRows) -> ColumnRows:
    # One form for equal rows: one zero, marks only where there are some, labels that a row has, sorted.
    if isinstance(column, Texts):
        cut = [None if text is None else text[:TEXT_LENGTH] for text in column.texts.tolist()]
        return Texts(np.array(cut, dtype=object))
    if isinstance(column, Numbers):
        values, marks = column.values + 0.0, column.unparsable
        if marks is None or not marks.any():
            return Numbers(values)
        return Numbers(np.where(marks, np.nan, values), marks)
    used = np.unique(column.codes[column.codes >= 0])
    codes = np.searchsorted(used, column.codes)
    return Labels(np.where(column.codes < 0, -1, codes).astype(np.int32), column.labels[used])


def _joined(parts: Sequence[ColumnRows]) -> ColumnRows:
    written = [part.texts for part in parts if isinstance(part, Texts)]
    if written:
        return Texts(np.concatenate(written))
    numbers = [part for part in parts if isinstance(part, Numbers)]
    if numbers:
        values = np.concatenate([part.values for part in numbers])
        if all(part.unparsable is None for part in numbers):
            return Numbers(values)
        marks = [np.zeros(len(n.values), np.bool_) if n.unparsable is None else n.unparsable for n in numbers]
        return _compact(Numbers(values, np.concatenate(marks)))
    labelled = [part for part in map(_compact, parts) if isinstance(part, Labels)]
    labels, places = np.unique(np.concatenate([part.labels for part in labelled]), return_inverse=True)
    starts = np.cumsum([0, *(len(part.labels) for part in labelled)])
    codes = [
        np.append(places[start : start + len(part.labels)], -1)[part.codes]
        for part, start in zip(labelled, starts[:-1], strict=True)
    ]
    return Labels(np.concatenate(codes).astype(np.int32), labels)


def _equal(one: ColumnRows, other: ColumnRows) -> bool:
    if isinstance(one, Texts) or isinstance(other, Texts):
        both = isinstance(one, Texts) and isinstance(other, Texts)
        return both and np.array_equal(_array(one), _array(other))
    if isinstance(one, Labels) or isinstance(other, Labels):
        return (
            isinstance(one, Labels)
            and isinstance(other, Labels)
            and np.array_equal(one.codes, other.codes)
            and np.array_equal(one.labels, other.labels)
        )
    marks = (side.unparsable for side in (one, other))
    first, second = (np.zeros(0, np.bool_) if side is None else side for side in marks)
    return np.array_equal(one.values, other.values, equal_nan=True) and np.array_equal(first, second)


def _encode(sample: RowSample, arrays: ArrayWriter) -> Json:
    # Rows lie in the order in which they came, so ordinals and times are kept as steps, which are small.
    steps = (np.diff(counted, prepend=0) for counted in (sample.ordinals, sample.event_time))
    ordinals, times = (_put_turned(array.astype("<i8"), arrays) for array in steps)
    return {
        "size": sample.size,
        "rows": sample.rows,
        "ordinals": ordinals,
        "event_time": times,
        "columns": {name: _column_form(column, arrays) for name, column in sample.columns.items()},
    }


def _decode(form: Json, arrays: ArrayReader) -> RowSample:
    rows = form["rows"]
    ordinals, times = (
        np.cumsum(_take_turned(form[name], "<i8", rows, arrays)) for name in ("ordinals", "event_time")
    )
    columns = {name: _column_of(entry, rows, arrays) for name, entry in form["columns"].items()}
    return RowSample(form["size"], ordinals, times, columns)


def _column_form(column: ColumnRows, arrays: ArrayWriter) -> Json:
    if isinstance(column, Texts):
        return {"texts": column.texts.tolist()}
    if isinstance(column, Labels):
        return {"labels": column.labels.tolist(), "codes": _put_turned(column.codes.astype("<i4"), arrays)}
    values = np.where(np.isnan(column.values), np.nan, column.values).astype("<f8")
    marks = [] if column.unparsable is None else np.flatnonzero(column.unparsable).tolist()
    return {"values": _put_turned(values, arrays), "unparsable": marks}


def _column_of(entry: Json, rows: int, arrays: ArrayReader) -> ColumnRows:
    if "texts" in entry:
        return Texts(np.array(entry["texts"], dtype=object))
    if "labels" in entry:
        codes = _take_turned(entry["codes"], "<i4", rows, arrays)
        return Labels(codes, np.array(entry["labels"], dtype=np.str_))
    values = _take_turned(entry["values"], "<f8", rows, arrays)
    if not entry["unparsable"]:
        return Numbers(values)
    marks = np.zeros(rows, dtype=np.bool_)
    marks[entry["unparsable"]] = True
    return Numbers(values, marks)


def _put_turned(array: NDArray[Any], arrays: ArrayWriter) -> int:
    # First bytes first: neighbours share them, and compression finds that.
    return arrays.put(array.view(np.uint8).reshape(len(array), array.itemsize).T.ravel())


def _take_turned(offset: int, dtype: str, rows: int, arrays: ArrayReader) -> NDArray[Any]:
    size = np.dtype(dtype).itemsize
    turned = arrays.take(offset, "u1", rows * size).reshape(size, rows)
    return np.ascontiguousarray(turned.T).view(dtype).reshape(rows)


PART: Part[RowSample] = Part(
    "row_sample",
    lambda schema, spec: empty(schema, spec.sample_rows),
    lambda batch, schema, spec, _: of(batch, schema, spec.sample_rows),
    lambda sides, _: merge(sides),
    _encode,
    _decode,
)
