"""Large NDJSON is read by Arrow's parser: to the same bits as by Python's, and refused where that refuses."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.schema import Column, Kind, Schema
from service.errors import UnreadableRowsError
from service.sources.http import json_table
from service.sources.http.content import RowShape, decoded
from service.sources.http.content_types import RowFormat
from service.sources.table_format import TableFormat, TimeFormat
from tests.property.sent.test_plain_rows import FORMS, TEXTS, TIMES
from tests.property.sent.test_sent_json import _outcome

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("place", Kind.CATEGORICAL),
        Column("note", Kind.TEXT),
        Column("both", Kind.NUMERICAL),
    ),
    identity="key",
)
NUMBERS = ["0", "-0", "7", "1.5", "-0.0", "1e3", "9007199254740993", "9223372036854775808", "1e400", "NaN"]
NUMBERS += ["Infinity", "-Infinity", "Inf", "-NaN", "nan", "01", "1.", ".5", "+1", "1E-400", "0.1", "9" * 400]
NUMBERS += [
    "1.7976931348623159e308",
    "2.2250738585072011e-308",
    "123456789012345678901234567890",
    "1767225600.25",
]
LITERALS: dict[str, list[str]] = {
    "whole": ["0", "-1", "7", "1767225600", "12"],
    "fraction": ["0.5", "-1.25", "1e-3", "1767225600.25", "3.0"],
    "mixed": ["0", "2", "2.5", "-0.0", "1e3"],
    "number": NUMBERS,
    "text": [json.dumps(text) for text in TEXTS]
    + ['"\\ud800"', '"\ud800"', '"\t"', '"\\/"', '"\\x"', '"\udcff"'],
    "plain": ['"a"', '"b"', '"7"', '"\u00e9"'],
    "time": [json.dumps(text) for text in TIMES[:3]],
    "truth": ["true", "false"],
    "other": ["[]", "{}", "[1]", "True", "'a'", "", "/*c*/1", "null,"],
}
USUAL = ["whole", "fraction", "mixed", "plain", "time", "truth"]
NAMES = ["size", "place", "note", "both", "key", "at", "unwatched"]
BREAKS = [
    "{}",
    '{"size":1,"size":2}',
    '{"size":1} {"size":2}',
    '{"size":1,\n"both":2}',
    "[]",
    "",
    " ",
    "{",
    "}\n{",
]
BREAKS += [
    '{"size":{}\n{}}',
    '{"siz\\u0065":3}',
    '{"more":1}',
    '\ufeff{"size":1}',
    "\x0c",
    '{"size":1}\r',
    "null",
]


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Draw NDJSON whose columns are mostly of one type, with a rare cell or line that is not."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=5))
    usual = {name: draw(st.sampled_from(USUAL)) for name in names}
    literals = {name: st.sampled_from(LITERALS[kind]) for name, kind in usual.items()}
    made = []
    for _ in range(draw(st.integers(1, 6))):
        held = {name: draw(literals[name]) for name in names if draw(st.integers(0, 9))}
        made.append("{" + ", ".join(f"{json.dumps(name)}: {cell}" for name, cell in held.items()) + "}")
    rare = draw(st.sampled_from([*LITERALS, *USUAL, "break", "none", "none"]))
    if rare == "break":
        made.insert(draw(st.integers(0, len(made))), draw(st.sampled_from(BREAKS)))
    elif rare != "none":
        cell = draw(st.sampled_from([*LITERALS[rare], "null"]))
        made.insert(
            draw(st.integers(0, len(made))), f"{{{json.dumps(draw(st.sampled_from(names)))}: {cell}}}"
        )
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"]))
    text = end.join(made) + draw(st.sampled_from(["", end]))
    return text.encode(errors="surrogatepass") if draw(st.booleans()) else text.encode(errors="replace")


def outcome(content: bytes, shape: RowShape) -> Any:
    """Return what content is read as, or how it is refused."""
    try:
        return _outcome(decoded(content, RowFormat.JSON_LINES, shape))
    except UnreadableRowsError as error:
        return str(error)


@given(lines(), st.sampled_from(["at", "at", None, "size"]), st.sampled_from(FORMS), st.integers(0, 3))
def test_arrow_s_parser_reads_what_python_s_does(
    content: bytes, timestamp: str | None, form: TimeFormat, sampled: int
) -> None:
    """Numbers, labels and their types, texts, ids, times and refusals are the same, whatever was sampled."""
    shape = RowShape(SCHEMA, timestamp, TableFormat(form))
    with patch.multiple(json_table, MIN_LINES=1, FIRST_LINES=1 + sampled, SPREAD_LINES=1):
        by_arrow = outcome(content, shape)
    with patch.object(json_table, "MIN_LINES", len(content) + 2):
        by_python = outcome(content, shape)
    assert by_arrow == by_python
