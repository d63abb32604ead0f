"""Large NDJSON as an Arrow table by Arrow's own parser: a fifth of the work, without the interpreter's lock.

Guarantee: what is read here is what `json_rows` reads, to the same bits. Some lines, parsed by Python, say
what the columns are. Wherever Arrow could be more lenient than Python, or a column is not of one type
throughout, there is no table: then `json_rows` reads the content, or refuses it.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from service.core.rows.schema import Kind
from service.sources.tables.formats import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from service.core.rows.schema import Schema

    Floats = NDArray[np.float64]

MIN_LINES = 64
FIRST_LINES, SPREAD_LINES = 20, 40
BLOCK_BYTES = 1 << 20
_BLANK = b" \t\r\n"
_NEGATIVE_ZERO = re.compile(rb"-0\s*[,}]")  # a whole number to Python, which has no sign then
_EXACT = 2.0**53  # up to which a whole number is the same as a float


def line_count(content: bytes) -> int | None:
    """Return how many lines there are, each one object by its looks; None where they may not be."""
    body = content.strip(_BLANK)
    ends = body.count(b"\n")
    between = b"}\r\n{" if b"\r" in body else b"}\n{"
    if between == b"}\r\n{" and body.count(b"\r") != ends:
        return None
    # Where every line ends with } and the next begins with {, a line's end is never inside of an object.
    is_plain = body.startswith(b"{") and body.endswith(b"}") and body.count(between) == ends
    return ends + 1 if is_plain else None


def read(content: bytes, lines: int, schema: Schema, timestamp: str | None) -> pa.Table | None:
    """Return all columns of NDJSON of `lines` lines; None where only Python can say what they hold."""
    try:
        if not content.isascii():
            content.decode()  # Arrow takes other bytes than UTF-8 for text
        expected = _arrow_schema(content, schema, timestamp)
        if expected is None:
            return None
        table = arrow_json.read_json(
            pa.BufferReader(content),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=expected, newlines_in_values=False, unexpected_field_behavior="error"
            ),
        )
    except (pa.ArrowException, ValueError, RecursionError):
        return None  # it will be said by what reads it
    if table.num_rows != lines:  # several objects in a line
        return None
    floats = {
        name: _known(table[name]) for name in table.schema.names if pa.types.is_float64(table[name].type)
    }
    if not all(_is_exact(values, name, schema, timestamp) for name, values in floats.items()):
        return None
    has_zero = any((np.signbit(values) & (values == 0.0)).any() for values in floats.values())
    return None if has_zero and _NEGATIVE_ZERO.search(content) else table


def _arrow_schema(content: bytes, schema: Schema, timestamp: str | None) -> pa.Schema | None:
    records = [json.loads(line, object_pairs_hook=json_lines.each_once) for line in _sample(content)]
    columns, _ = json_lines.columns_of(records)
    typed = {name: _typed(name, cells, schema, timestamp) for name, cells in columns.items()}
    if not typed or any(kind is None for kind in typed.values()):
        return None
    return pa.schema(list(typed.items()))


def _sample(content: bytes) -> Iterator[bytes]:
    # The first lines, and others from all over the content.
    start = len(content) - len(content.lstrip(_BLANK))
    for _ in range(FIRST_LINES):
        end = content.find(b"\n", start)
        if end < 0:
            return
        yield content[start:end]
        start = end + 1
    for place in islice(range(start, len(content), max(1, (len(content) - start) // SPREAD_LINES)), 1, None):
        begin = content.find(b"\n", place) + 1
        end = content.find(b"\n", begin)
        if begin and end > begin:
            yield content[begin:end]


def _typed(name: str, cells: list[Any], schema: Schema, timestamp: str | None) -> pa.DataType | None:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int, float} and kinds:
        is_number = _is_number(name, schema, timestamp) or float in kinds
        return pa.float64() if is_number and (name != timestamp or kinds == {float}) else pa.int64()
    if len(kinds) > 1:
        return None
    return {str: pa.string(), bool: pa.bool_()}.get(kinds.pop()) if kinds else pa.null()


def _is_number(name: str, schema: Schema, timestamp: str | None) -> bool:
    kind = next((column.kind for column in schema.columns if column.name == name), None)
    return kind is Kind.NUMERICAL and name not in {schema.identity, timestamp}


def _is_exact(values: Floats, name: str, schema: Schema, timestamp: str | None) -> bool:
    """Say whether floats are what Python would read: Arrow reads other words, and whole numbers, as such."""
    if not np.isfinite(values).all():
        return False
    if name == timestamp:
        return not (values == np.floor(values)).any()  # whole ones are read by their digits
    return _is_number(name, schema, timestamp) or not (np.abs(values) >= _EXACT).any()


def _known(column: pa.ChunkedArray) -> Floats:
    return np.concatenate([np.zeros(0), *(_values(pc.drop_null(chunk)) for chunk in column.chunks)])


def _values(chunk: pa.Array) -> Floats:
    return np.frombuffer(chunk.buffers()[1] or b"", dtype=np.float64)[
        chunk.offset : chunk.offset + len(chunk)
    ]
