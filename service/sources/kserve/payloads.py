"""The columns of a request's or a response's body: Open Inference Protocol v2, and KServe's own v1.

Both halves of an inference are read by the same code, whichever door they came by. Messages name no cell's
content, which may be sensitive.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from service.errors import UnreadableRowsError
from service.sources.kserve.columns import Columns, Side
from service.sources.kserve.tensors import AS_JSON, tensor_columns
from service.sources.tables.formats.json_lines import columns_of, each_once

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from service.sources.kserve.columns import Naming

GZIP = b"\x1f\x8b"
MAX_EXPANDED = 16 << 20  # bytes

_TENSORS = {Side.REQUEST: "inputs", Side.RESPONSE: "outputs"}
_RECORDS = {Side.REQUEST: "instances", Side.RESPONSE: "predictions"}
_ONE = {Side.REQUEST: "instance", Side.RESPONSE: "prediction"}


def read(body: bytes, side: Side, naming: Naming) -> Columns:
    """Return the columns of a body. Raises UnreadableRowsError that says why there are none."""
    content = _parsed(body, side)
    tensors, records = content.get(_TENSORS[side]), content.get(_RECORDS[side])
    if isinstance(tensors, list) and tensors and all(_is_tensor(each) for each in tensors):
        return tensor_columns(tensors, _TENSORS[side], naming.of(side), naming.wanted)
    if records is None:
        raise UnreadableRowsError(
            f"the {side} has neither {_TENSORS[side]} (tensors of the Open Inference Protocol) nor "
            f"{_RECORDS[side]} (KServe v1); it has {_listed(content)}"
        )
    if not isinstance(records, list) or not records:
        raise UnreadableRowsError(f"{_RECORDS[side]} of the {side} is not a list of rows; expected one")
    return _record_columns(records, side, naming)


def _parsed(body: bytes, side: Side) -> dict[str, Any]:
    if not body.strip():
        raise UnreadableRowsError(f"the {side}'s body is empty; calls such as GET are logged too")
    if body.startswith(GZIP):
        body = _decompressed(body, side)
    try:
        found = json.loads(body, object_pairs_hook=each_once)
    except (ValueError, RecursionError) as error:
        if b'"binary_data_size"' in body:
            raise UnreadableRowsError(
                f"the {side} has tensors in binary (the binary data extension); {AS_JSON}"
            ) from error
        where = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise UnreadableRowsError(f"the {side} is no JSON: {where}") from error
    if not isinstance(found, dict):
        raise UnreadableRowsError(f"the {side}'s JSON is no object")
    return found


def _decompressed(body: bytes, side: Side) -> bytes:
    """Return a body that its sender compressed, which the logger passes on as it came."""
    expanding = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # gzip alone
    try:
        found = expanding.decompress(body, MAX_EXPANDED + 1)
    except zlib.error as error:
        raise UnreadableRowsError(f"the {side} begins like gzip, and cannot be decompressed") from error
    if len(found) > MAX_EXPANDED:
        raise UnreadableRowsError(
            f"the {side} is more than {MAX_EXPANDED >> 20} MiB when it is decompressed; expected less: send "
            "fewer rows in one request"
        )
    if not expanding.eof:
        raise UnreadableRowsError(f"the {side} is compressed (gzip) and ends too early")
    if expanding.unused_data:
        raise UnreadableRowsError(f"the {side} has bytes behind its compressed content (gzip)")
    return found


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and "datatype" in value and "shape" in value


def _record_columns(records: Sequence[Any], side: Side, naming: Naming) -> Columns:
    key, given = _RECORDS[side], naming.of(side)
    if all(isinstance(each, dict) for each in records):
        columns, rows = columns_of(records)
        return Columns(rows, _only(columns, naming.wanted), tuple(columns))
    if any(isinstance(each, dict) for each in records):
        raise UnreadableRowsError(f"{key} of the {side} are objects in some rows and not in others")
    if not any(isinstance(each, list) for each in records):
        records = [[each] for each in records]
        names = given or (_ONE[side],)
    elif all(isinstance(each, list) for each in records):
        names = given or tuple(f"{_ONE[side]}-{place}" for place in range(len(records[0])))
    else:
        raise UnreadableRowsError(f"{key} of the {side} are lists in some rows and not in others")
    for row, each in enumerate(records):
        if len(each) != len(names):
            raise UnreadableRowsError(
                f"row {row} of {key} has {len(each)} values; expected {len(names)}, {_as_named(given, side)}"
            )
    wanted = naming.wanted
    cells = {
        name: [each[place] for each in records]
        for place, name in enumerate(names)
        if wanted is None or name in wanted
    }
    return Columns(len(records), cells, names)


def _only(columns: dict[str, list[Any]], wanted: Collection[str] | None) -> dict[str, list[Any]]:
    return columns if wanted is None else {name: columns[name] for name in columns if name in wanted}


def _as_named(given: Sequence[str], side: Side) -> str:
    key = "features" if side is Side.REQUEST else "outputs"
    return f"as `{key}` of the source names" if given else "as the first row has"


def _listed(content: dict[str, Any]) -> str:
    names = [repr(name[:40]) for name in list(content)[:5]]
    return ", ".join(names) + (" ..." if len(content) > len(names) else "") if names else "nothing"
