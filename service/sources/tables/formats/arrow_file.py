"""Arrow files (Feather), Arrow streams and whole Parquet files as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from service.sources.tables import from_arrow
from service.sources.tables.formats.content import Content
from service.sources.tables.formats.loaded import Loaded
from service.sources.tables.formats.opening import (
    expanded_limit,
    opened,
    refuse_parquet_bomb,
    too_large,
)
from service.sources.tables.parsed import check_names, composed_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.core.rows.schema import Schema
    from service.sources.table_format import TableFormat
    from service.sources.tables.parsed import Framed


def load(path: Path, content: Content, schema: Schema, timestamp: str | None, form: TableFormat) -> Loaded:
    """Read a file's columns that are watched. Raises SourceError where one of them is in it twice."""
    wanted = {*schema.names, schema.identity, timestamp}
    with opened(path) as file:
        # Parquet needs to be read from anywhere: a plain file from the disk, a compressed one from memory.
        source = str(path) if content is Content.PARQUET else pa.BufferReader(file.stream.read())
    limit = expanded_limit(path.stat().st_size)
    if content in {Content.PARQUET, Content.PACKED_PARQUET}:
        names, rows, table = _parquet(source, schema, wanted, limit)
    else:
        names, rows, table = _arrow(source, content, limit)
        check_names(names, schema, None)

    def framed(by: str | None) -> Framed:
        return from_arrow.to_batch(table, schema, by, names=names, time=form.time)

    return Loaded(names, rows, framed)


def table(path: Path, content: Content) -> pa.Table:
    """Return a file's whole table."""
    with opened(path) as file:
        source = str(path) if content is Content.PARQUET else pa.BufferReader(file.stream.read())
    if content in {Content.PARQUET, Content.PACKED_PARQUET}:
        with parquet.ParquetFile(source) as opened_file:
            refuse_parquet_bomb(opened_file.metadata, expanded_limit(path.stat().st_size))
            return opened_file.read(use_threads=False)
    return _arrow(source, content, expanded_limit(path.stat().st_size))[2]


def _parquet(
    source: pa.BufferReader | str, schema: Schema, wanted: set[str | None], limit: int
) -> tuple[list[str], int, pa.Table]:
    with parquet.ParquetFile(source) as file:
        written = file.schema_arrow.names
        names = composed_names(written)
        check_names(names, schema, None)
        refuse_parquet_bomb(file.metadata, limit)
        chosen = [as_written for name, as_written in zip(names, written, strict=True) if name in wanted]
        table = file.read(chosen, use_threads=False)
        return names, file.metadata.num_rows, table  # the file's own count: a table without columns has none


def _arrow(source: pa.BufferReader | str, content: Content, limit: int) -> tuple[list[str], int, pa.Table]:
    batches, held = [], 0
    reader = pa.ipc.open_file(source) if content is Content.ARROW_FILE else pa.ipc.open_stream(source)
    with reader:
        for batch in _batches(reader):
            batches.append(batch)
            held += batch.nbytes  # its buffers may be compressed in the file
            if held > limit:
                raise too_large(limit)
        table = pa.Table.from_batches(batches, reader.schema)
    return composed_names(table.schema.names), table.num_rows, table


def _batches(
    reader: pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader,
) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)
