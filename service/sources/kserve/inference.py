"""The rows of one inference from its two bodies: what every door that carries KServe's payloads reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import UnreadableRowsError
from service.sources.kserve import payloads
from service.sources.kserve.columns import Side
from service.sources.kserve.pairing import rows_of
from service.sources.kserve.typed import typed

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.kserve.columns import Naming


def half_rows(body: bytes, event: str, side: Side, naming: Naming, schema: Schema) -> Batch:
    """Return the rows of a body whose event has the id `event`, without times. Raises UnreadableRowsError.

    Where the request has no column of ids, its rows have the event's.
    """
    columns = payloads.read(body, side, naming)
    identity = schema.identity
    if identity is not None and side is Side.REQUEST and identity not in columns.cells:
        columns.cells[identity] = row_ids(event, columns.rows)
    return typed(columns, schema)


def inference_rows(event: str, request: bytes, response: bytes, naming: Naming, schema: Schema) -> Batch:
    """Return the rows of a request and its response, without times. Raises UnreadableRowsError."""
    first = half_rows(request, event, Side.REQUEST, naming, schema)
    found = rows_of(first, half_rows(response, event, Side.RESPONSE, naming, schema), schema)
    if isinstance(found, str):
        raise UnreadableRowsError(found)
    return found


def row_ids(event: str, rows: int) -> list[str]:
    """Return the ids of an event's rows: its own for a single row, else with the row's place behind it."""
    return [event] if rows == 1 else [f"{event}-{place}" for place in range(rows)]
