"""A batch of typed rows as bytes, as the inbox keeps it: what was accepted is what is measured, bit for bit.

The bytes are an Arrow stream behind a byte for the version. A column of numbers is float64 with a column of
truth values for those that were none, labels are codes into their texts, texts are UTF-8 (a half of a
surrogate pair included, so that every text comes back).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from service.core.rows.batch import Arrival, Batch, Labels, LabelType, Misfit, Numbers, Texts, steps_back
from service.core.time_units import to_datetime
from service.errors import CodecError
from service.sources.http import buffers
from service.sources.http.plain import batch as plain_batch

if TYPE_CHECKING:
    from service.core.inbox import InboxBatch
    from service.core.rows.batch import ColumnRows

VERSION = b"\x01"
DAMAGE = (pa.ArrowException, OSError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
PACKED_ROWS = 1_000  # from which an array is packed, in a tenth of the time that writing it takes
_TIME, _ID, _CHECK = "t", "i", "c"
_NUMBERS, _UNPARSABLE, _LABELS, _TEXTS = "n:", "u:", "l:", "x:"
_NOTES = b"tidegauge"


def encode(batch: Batch) -> bytes:
    """Return rows as bytes; their ordinals are not kept."""
    arrays: dict[str, pa.Array] = {_TIME: buffers.held(batch.event_time, pa.int64())}
    if batch.arrival.identity is not None:
        arrays[_ID] = buffers.held(batch.arrival.identity, pa.uint64())
    if batch.arrival.check is not None:
        arrays[_CHECK] = buffers.held(batch.arrival.check, pa.uint64())
    typed = {}
    for name, column in batch.columns.items():
        if isinstance(column, Numbers):
            arrays[_NUMBERS + name] = buffers.held(column.values, pa.float64())
            if column.unparsable is not None:
                arrays[_UNPARSABLE + name] = buffers.truths(column.unparsable)
        elif isinstance(column, Labels):
            arrays[_LABELS + name] = _of_labels(column)
            has_labels = bool((column.codes >= 0).any())  # a column without any has no type
            typed[name] = column.typed.value if has_labels else LabelType.TEXT.value
        else:
            arrays[_TEXTS + name] = buffers.contents([_bytes(text) for text in column.texts.tolist()])
    notes = {
        "rows": batch.rows,
        "typed": typed,
        "unwatched": batch.arrival.unwatched,
        "misfits": [[m.column, m.holds, m.example, m.proposal] for m in batch.arrival.misfits],
        "example_id": batch.arrival.example_id,
        "remarks": batch.arrival.remarks,
    }
    rows = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    rows = rows.replace_schema_metadata({_NOTES: json.dumps(notes).encode()})
    sink = pa.BufferOutputStream()
    sink.write(VERSION)
    options = pa.ipc.IpcWriteOptions(
        compression="lz4" if batch.rows >= PACKED_ROWS else None, use_threads=False
    )
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_batch(rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def decode(content: bytes) -> Batch:
    """Return the rows of bytes that `encode` made. Raises CodecError for any others."""
    if content[:1] not in {VERSION, plain_batch.VERSION}:
        begins = content[:1].hex() or "nothing"
        raise CodecError(f"a batch of the inbox begins with {begins}; expected 01 or 02")
    try:
        if content[:1] == plain_batch.VERSION:
            return plain_batch.decode(content)
        table = pa.ipc.open_stream(pa.BufferReader(memoryview(content)[1:])).read_all()
        table.validate(full=True)  # damaged offsets would end the process where a cell is looked at
        notes = json.loads(table.schema.metadata[_NOTES])
        held = {name: _whole(table[name]) for name in table.schema.names}
        return _batch(held, notes)
    except DAMAGE as error:
        raise CodecError(f"a batch of the inbox of {len(content)} bytes is damaged: {error}") from error


def rows_of(batch: InboxBatch) -> Batch:
    """Return the rows of a batch that waits.

    Raises CodecError, with what to do, where it cannot be read: of an acknowledged row nothing is given up
    unasked, so that its monitor waits.
    """
    try:
        return decode(batch.payload)
    except CodecError as error:
        came = f"{to_datetime(batch.received):%Y-%m-%dT%H:%M:%SZ}"
        give_up = f"DELETE FROM tidegauge.inbox_batch WHERE id = {batch.id}"  # noqa: S608 - said, not run
        raise CodecError(
            f"batch {batch.id} of the inbox, {batch.rows:,} rows that came at {came}, cannot be read, and "
            f"holds up its monitor: {error}. Did a newer version write it? Run that one; or give its rows "
            f"up: {give_up}"
        ) from error


def _batch(held: dict[str, pa.Array], notes: dict[str, Any]) -> Batch:
    columns: dict[str, ColumnRows] = {}
    for name, array in held.items():
        prefix, column = name[:2], name[2:]
        if prefix == _NUMBERS:
            marks = held.get(_UNPARSABLE + column)
            columns[column] = Numbers(
                buffers.numbers(array, np.float64), None if marks is None else buffers.marked(marks)
            )
        elif prefix == _LABELS:
            columns[column] = _labels(array, LabelType(notes["typed"][column]))
        elif prefix == _TEXTS:
            texts = np.empty(len(array), dtype=object)
            texts[:] = [_text(each) for each in array.to_pylist()]
            columns[column] = Texts(texts)
    times, unwatched = buffers.numbers(held[_TIME], np.int64), notes["unwatched"]
    arrival = Arrival(
        None if unwatched is None else tuple(unwatched),
        buffers.numbers(held[_ID], np.uint64) if _ID in held else None,
        steps_back(times),
        misfits=tuple(Misfit(*each) for each in notes["misfits"]),
        example_id=notes["example_id"],
        remarks=tuple(notes.get("remarks", ())),
        check=buffers.numbers(held[_CHECK], np.uint64) if _CHECK in held else None,
    )
    return Batch(notes["rows"], times, columns, arrival)


def _of_labels(column: Labels) -> pa.Array:
    used, codes = np.unique(column.codes, return_inverse=True)  # of many labels a batch has few
    known = used[used >= 0]
    codes = codes - (len(used) - len(known))
    texts = buffers.contents([_bytes(text) for text in column.labels[known].tolist()])
    return pa.DictionaryArray.from_arrays(buffers.held(codes, pa.int32(), missing=codes < 0), texts)


def _labels(array: pa.DictionaryArray, typed: LabelType) -> Labels:
    texts = np.array([_text(each) for each in array.dictionary.to_pylist()], dtype=np.str_)
    codes = buffers.numbers(array.indices, np.int32).astype(np.int64)
    codes[buffers.missing(array.indices)] = -1
    return Labels(codes, texts, typed)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode(errors="surrogatepass")


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="surrogatepass")
