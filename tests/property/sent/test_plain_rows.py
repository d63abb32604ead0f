"""Small requests are read without arrays where their cells are plain: to the same as any others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.inbox import BatchKind, Posted
from service.core.rows import row_hash
from service.core.rows.id_sums import sums_of, sums_of_hashes
from service.core.rows.label_form import LabelForm
from service.core.rows.masking import Masking, RowMask
from service.core.rows.number_format import NumberFormat
from service.core.rows.schema import Column, Kind, Role, Schema
from service.sources.context import LabelFile
from service.sources.http import stored_batch
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.table_format import TableFormat, TimeFormat

NOW = 1_795_810_000_000_000
NO_FORMS: dict[str, LabelForm] = {}
UNMASKED = RowMask(Masking(frozenset(), b""), lambda: NO_FORMS)
SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("price", Kind.NUMERICAL, number=NumberFormat(",", ".")),
        Column("place", Kind.CATEGORICAL),
        Column("note", Kind.TEXT),
        Column("guess", Kind.CATEGORICAL, Role.PREDICTION),
        Column("key", Kind.CATEGORICAL),
    ),
    identity="key",
)
OTHER_ID = replace(SCHEMA, columns=SCHEMA.columns[:-1])
FORMS = [TimeFormat(), TimeFormat("s"), TimeFormat("ns"), TimeFormat(zone="Europe/Berlin")]
FORMS += [TimeFormat(pattern="%Y-%m-%d"), TimeFormat("ms", zone="Europe/Berlin")]
TEXTS = [
    "", " ", "a", " a ", "7", "07", "1,5", "NA", "NULL", "-", "true", "nan", "2026-01-31", "\u00e9",
    "e\u0301", "\ud800", "a\0b", "\0", "2026-01-31T12:00:00Z", "x" * 201, "y" * 501,
    "\U0001f600", "\ufeffa", "\u2028",
]  # fmt: skip
TIMES = [
    "2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31T24:00:00Z", "2026-02-30T00:00:00Z",
    "2026-01-31T12:00:00.1234567+02:00", "1677-12-31T23:59:59Z", "1678-01-01T00:00:00+14:00",
    "2026-01-31T12:00:60Z", "2026-01-31T12:00:00-00:00", "2261-12-31T23:59:59.999999999Z", "soon", "2026",
    "2026-01-31T12:00:00.000001-23:59", "2026-01-31T12:00:00+24:00", "0000-01-31T12:00:00Z", "20260131",
    "1969-12-31T23:59:59.999999999Z", "2026-01-31T12:00:00.5", "2026-03-29T02:30:00",
    "\u0661969-12-31T23:59:59Z", "2026-01-31T12:00:00,5Z", " 2026-01-31T12:00:00Z",
]  # fmt: skip
BROKEN = ['{"size":1,"size":2}', "[]", "{", "null", '{"size":01}', "\ufeff{}"]
INTEGERS = [0, -1, 7, 2**53 + 1, -(2**63), 2**63 - 1, 2**63, 2**70, 1_767_225_600, 10**400]
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(TEXTS) | st.text(max_size=4),
    "integer": st.sampled_from(INTEGERS) | st.integers(-(10**6), 10**6),
    "float": st.floats() | st.floats(1.6e9, 1.8e9) | st.sampled_from([-0.0, 1e22, 5e-324, 0.1, 1e308]),
    "truth": st.booleans(),
    "nothing": st.none(),
    "time": st.sampled_from(TIMES) | st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    "nested": st.sampled_from([[], {}, [1], {"a": [2]}, [[[[[[[[[1]]]]]]]]]]),
}
SCALARS = [name for name in CELLS if name != "nested"]
NAMES = [*SCHEMA.names, "at", "unwatched", "caf\u00e9", "cafe\u0301"]


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a request: its content type and its content."""
    rows = draw(st.sampled_from([0, 1, 1, 1, 2, 3]))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6))
    records: list[dict[str, Any]] = [{} for _ in range(rows)]
    for name in names:
        kind = draw(st.sampled_from([*SCALARS, *SCALARS, "nested"]))
        cells = CELLS["time" if name == "at" and draw(st.booleans()) else kind] | st.none()
        for record in records:
            if draw(st.integers(0, 9)):
                record[name] = draw(cells)
    ascii_only = draw(st.booleans())
    texts = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    if draw(st.integers(0, 19)) == 0:
        texts.append(
            draw(st.sampled_from(['{"size":1,"size":2}', "[]", "{", "null", '{"size":01}', "\ufeff{}"]))
        )
    if draw(st.booleans()):
        content, form = "\n".join(texts), "application/x-ndjson"
    else:
        content = texts[0] if len(texts) == 1 and draw(st.booleans()) else f"[{','.join(texts)}]"
        form = "application/json"
    return form, content.encode(errors="surrogatepass")


def receiver(schema: Schema, timestamp: str | None, form: TimeFormat) -> HttpReceiver:
    """Return what reads rows of a schema, and labels for it."""
    labels = LabelFile(None, "at", "key", "size", Kind.NUMERICAL, 1, form=TableFormat(form))
    return HttpReceiver("toy", RowShape(schema, timestamp, TableFormat(form)), UNMASKED, 60_000_000, labels)


@given(
    requests(),
    st.sampled_from([SCHEMA, OTHER_ID, replace(OTHER_ID, identity=None), replace(SCHEMA, exact_ids=True)]),
    st.sampled_from(["at", "at", None, "key", "size"]),
    st.sampled_from(FORMS),
    st.sampled_from(list(BatchKind)),
)
def test_a_small_request_is_read_as_any_other(
    request: tuple[str, bytes], schema: Schema, timestamp: str | None, form: TimeFormat, kind: BatchKind
) -> None:
    """What is read at once has the same rows, ids, texts, types and digest; what would be refused is not."""
    reader, posted = receiver(schema, timestamp, form), Posted(request[1], request[0])
    found = reader.read_at_once(kind, posted, NOW)
    if found is None:
        return
    full = (reader.read_rows if kind is BatchKind.ROWS else reader.read_labels)(posted, NOW)
    assert replace(found, payload=b"") == replace(full, payload=b"")
    assert stored_batch.encode(stored_batch.decode(found.payload)) == full.payload


@given(st.lists(st.text(max_size=40), max_size=5))
def test_ids_are_hashed_alike_one_by_one_and_in_arrays(texts: list[str]) -> None:
    """The hash of a text and the sums over some are the same by whole numbers as by arrays."""
    known = [text.replace("\0", "") for text in texts]
    hashes = row_hash.of_texts(np.array(known, dtype=np.str_))
    assert [row_hash.of_text(text) for text in known] == hashes.tolist()
    second = row_hash.of_texts(np.array(known, dtype=np.str_), second=True)
    assert [row_hash.of_text(text, second=True) for text in known] == second.tolist()
    assert sums_of_hashes(hashes.tolist()) == sums_of(hashes, len(known))
