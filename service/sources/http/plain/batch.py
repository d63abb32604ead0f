"""A few typed rows as JSON, as the inbox keeps them: a sixth of an Arrow stream in bytes, half in time.

Behind a byte for the version the content is UTF-8, halves of surrogate pairs included. Numbers are written by
the shortest digits that give them back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from service.core.rows.batch import Arrival, Batch, LabelType, Numbers, Texts, steps_back
from service.core.rows.label_text import coded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows

VERSION = b"\x02"


# Of labels the word is their LabelType.
NUMBERS, TEXTS = "numbers", "texts"
PlainColumn = tuple[str, Sequence[float | str | None]]


class PlainBatch(NamedTuple):
    """Typed rows as lists of cells.

    - `times`: UTC microseconds
    - `identity`: the ids' hashes; None where the rows have no ids
    - `columns`: by name, in the schema's order: as what the cells are read, and the cells, None where missing
    - `unwatched`: the names of the columns that came and are not watched
    - `example_id`: one of the ids as people write it
    - `check`: the ids' second hashes; None where they are not asked for
    """

    times: Sequence[int]
    identity: Sequence[int] | None
    columns: dict[str, PlainColumn]
    unwatched: Sequence[str]
    example_id: str | None
    check: Sequence[int] | None = None


_write = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def encode(batch: PlainBatch) -> bytes:
    """Return rows as bytes."""
    return VERSION + _write(batch).encode(errors="surrogatepass")


def decode(content: bytes) -> Batch:
    """Return the rows of bytes that `encode` made.

    Raises ValueError, TypeError or KeyError for any others.
    """
    found = PlainBatch(*json.loads(content[len(VERSION) :].decode(errors="surrogatepass")))
    times = np.array(found.times, dtype=np.int64)
    columns = {name: _column(*held) for name, held in found.columns.items()}
    arrival = Arrival(
        tuple(found.unwatched),
        _hashes(found.identity),
        steps_back(times),
        example_id=found.example_id,
        check=_hashes(found.check),
    )
    return Batch(len(times), times, columns, arrival)


def _hashes(identity: Sequence[int] | None) -> NDArray[np.uint64] | None:
    return None if identity is None else np.array(identity, dtype=np.uint64)


def _column(held: str, cells: Sequence[Any]) -> ColumnRows:
    if held == NUMBERS:
        return Numbers(np.array(cells, dtype=np.float64))
    if held == TEXTS:
        texts = np.empty(len(cells), dtype=object)
        texts[:] = cells
        return Texts(texts)
    if not any(cells):  # a column without any label has no type
        return coded(np.full(len(cells), -1, dtype=np.int64), [])
    return coded(np.arange(len(cells)), cells, LabelType(held))
