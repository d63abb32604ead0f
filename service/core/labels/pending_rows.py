"""Rows that wait for their label, and what is kept of each until it comes.

Of a row is kept what its label will be joined with: the columns that the outcome, its segments and the cells
are made of, as bytes. Layout, little-endian: a flag (1: the row came without the target's column), for each
kept column a mark (0 a number or nothing, 1 no number, 2 text), for each a float64 (NaN: nothing), then each
text as its length (uint16) and UTF-8. A column that did not come counts as missing: nothing that a label
changes tells the two apart, but for the target's own, which has the flag.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Batch, Labels, Numbers, Texts
from service.core.rows.label_text import coded, of_float
from service.core.rows.row_hash import NOTHING
from service.core.rows.schema import Kind
from service.core.rows.task import columns_of
from service.errors import CodecError, ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.profile.spec.spec import ProfileSpec
    from service.core.rows.schema import Column, Schema

_NUMBER, _NO_NUMBER, _TEXT = range(3)
_LENGTH = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class PendingRows:
    """Rows that wait for a label: shapes (n,).

    `identity` (uint64) is the id's hash, `panes` (int64) the pane that counts the row, `event_time` in UTC
    microseconds; `payloads` as above.
    """

    identity: NDArray[np.uint64]
    panes: NDArray[np.int64]
    event_time: NDArray[np.int64]
    payloads: tuple[bytes, ...]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.payloads)

    def take(self, rows: NDArray[np.intp]) -> PendingRows:
        """Return the rows chosen."""
        payloads = tuple(self.payloads[row] for row in rows.tolist())
        return PendingRows(self.identity[rows], self.panes[rows], self.event_time[rows], payloads)


def none() -> PendingRows:
    """Return no rows."""
    return PendingRows(
        np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), ()
    )


def joined(parts: Sequence[PendingRows]) -> PendingRows:
    """Return the rows of all `parts` (one or more), in their order."""
    return PendingRows(
        np.concatenate([part.identity for part in parts]),
        np.concatenate([part.panes for part in parts]),
        np.concatenate([part.event_time for part in parts]),
        tuple(payload for part in parts for payload in part.payloads),
    )


def target_of(schema: Schema) -> Column:
    """Return the column that a label belongs to; raises ProfileError where the schema has no task."""
    if schema.task is None:
        raise ProfileError("labels: the schema has no task, so that none is expected")
    target = schema.task.target
    return next(column for column in schema.columns if column.name == target)


def kept_columns(schema: Schema, spec: ProfileSpec) -> tuple[Column, ...]:
    """Return what is kept of a row, in the schema's order: what task, cells and segments need."""
    target = target_of(schema).name
    needed = {*(columns_of(schema.task) if schema.task else ()), *spec.edges, *spec.segments} - {target}
    return tuple(column for column in schema.columns if column.name in needed)


def waiting(batch: Batch, panes: NDArray[np.int64], schema: Schema, spec: ProfileSpec) -> PendingRows:
    """Return the rows of `batch` that have an id and no label; `panes` (int64, shape (rows,)) count them."""
    ids, held = batch.arrival.identity, _plain(batch)
    target = held.get(target_of(schema).name)
    if ids is None:
        return none()
    rows = np.flatnonzero(_missing(target, batch.rows) & (ids != NOTHING))
    if not len(rows):
        return none()
    columns = [held.get(column.name) for column in kept_columns(schema, spec)]
    chosen = [None if column is None else column.take(rows) for column in columns]
    return PendingRows(
        ids[rows], panes[rows], batch.event_time[rows], _packed(chosen, len(rows), target is None)
    )


def labelled(batch: Batch, schema: Schema) -> PendingRows:
    """Return the rows of `batch` that have an id and came with their label, without a payload."""
    ids = batch.arrival.identity
    if ids is None:
        return none()
    missing = _missing(_plain(batch).get(target_of(schema).name), batch.rows)
    rows = np.flatnonzero(~missing & (ids != NOTHING))
    return PendingRows(
        ids[rows], np.zeros(len(rows), dtype=np.int64), batch.event_time[rows], (b"",) * len(rows)
    )


def unpacked(rows: PendingRows, schema: Schema, spec: ProfileSpec) -> list[tuple[Batch, NDArray[np.intp]]]:
    """Return `rows` as batches without labels, each with the places of its rows; those of a pane together.

    Raises CodecError where a payload was made with other columns.
    """
    columns = kept_columns(schema, spec)
    flags, held = _read(rows.payloads, columns)
    found = []
    for pane in np.unique(rows.panes).tolist():
        for flag in (False, True):
            places = np.flatnonzero((rows.panes == pane) & (flags == flag))
            if len(places):
                found.append((_batch(rows, held, places, schema, absent=flag), places))
    return found


def _plain(batch: Batch) -> dict[str, Numbers | Labels]:
    # A text is nobody's answer, label or cell.
    return {name: column for name, column in batch.columns.items() if not isinstance(column, Texts)}


def _missing(target: Numbers | Labels | None, rows: int) -> NDArray[np.bool_]:
    if target is None:
        return np.ones(rows, dtype=np.bool_)
    if not isinstance(target, Numbers):
        return np.asarray(target.codes < 0)
    missing: NDArray[np.bool_] = np.isnan(target.values)
    return missing if target.unparsable is None else missing & ~target.unparsable


def _packed(columns: Sequence[Numbers | Labels | None], rows: int, flag: bool) -> tuple[bytes, ...]:
    marks = np.zeros((rows, len(columns)), dtype=np.uint8)
    values = np.full((rows, len(columns)), np.nan, dtype="<f8")
    texts: list[list[bytes]] = []
    for place, column in enumerate(columns):
        if isinstance(column, Numbers):
            values[:, place] = column.values
            if column.unparsable is not None:
                marks[:, place] = column.unparsable
        elif column is not None:
            marks[:, place] = np.where(column.codes < 0, _NUMBER, _TEXT)
            words = [*map(_text, column.labels.tolist()), b""]  # code -1, missing, is the last
            texts.append([words[code] for code in column.codes.tolist()])
    head = np.full((rows, 1), flag, dtype=np.uint8)
    spec = np.concatenate((head, marks, values.view(np.uint8).reshape(rows, -1)), axis=1).tobytes()
    width = _width(len(columns))
    starts = range(0, rows * width, width)
    if not texts:
        return tuple(spec[start : start + width] for start in starts)
    return tuple(
        b"".join((spec[start : start + width], *words))
        for start, words in zip(starts, zip(*texts, strict=True), strict=True)
    )


def _text(label: str) -> bytes:
    encoded = label.encode(errors="surrogatepass")
    return _LENGTH.pack(len(encoded)) + encoded


def _width(columns: int) -> int:
    return 1 + columns + 8 * columns


def _read(
    payloads: Sequence[bytes], columns: Sequence[Column]
) -> tuple[NDArray[np.bool_], dict[str, Numbers | Labels]]:
    count, width = len(columns), _width(len(columns))
    if any(len(payload) < width for payload in payloads):
        raise CodecError(f"a pending row of fewer than {width} bytes was kept with other columns")
    spec = np.frombuffer(b"".join(payload[:width] for payload in payloads), dtype=np.uint8)
    spec = spec.reshape(len(payloads), width)
    marks = spec[:, 1 : 1 + count]
    values = np.ascontiguousarray(spec[:, 1 + count :]).view("<f8").reshape(len(payloads), count)
    texts = _texts(payloads, marks, width)
    held: dict[str, Numbers | Labels] = {}
    for place, column in enumerate(columns):
        if column.kind is Kind.NUMERICAL:
            unparsable = marks[:, place] == _NO_NUMBER
            held[column.name] = Numbers(values[:, place].copy(), unparsable if unparsable.any() else None)
        else:
            held[column.name] = _labels(values[:, place], texts[place])
    return spec[:, 0].astype(np.bool_), held


def _texts(payloads: Sequence[bytes], marks: NDArray[np.uint8], width: int) -> list[dict[int, str]]:
    # By column: the text of each row that has one.
    found: list[dict[int, str]] = [{} for _ in range(marks.shape[1])]
    for row in np.flatnonzero((marks == _TEXT).any(axis=1)).tolist():
        payload, offset = payloads[row], width
        for place in np.flatnonzero(marks[row] == _TEXT).tolist():
            try:
                (length,) = _LENGTH.unpack_from(payload, offset)
                offset += _LENGTH.size + length
                text = payload[offset - length : offset].decode(errors="surrogatepass")
            except (struct.error, UnicodeDecodeError) as error:
                raise CodecError(f"a pending row of {len(payload)} bytes is damaged: {error}") from error
            found[place][row] = text
    return found


def _labels(values: NDArray[np.float64], texts: dict[int, str]) -> Labels:
    # A number among labels was kept by a version that had numbers there.
    numbers = {row: of_float(values[row]) for row in np.flatnonzero(~np.isnan(values)).tolist()}
    words = [texts.get(row) or numbers.get(row) for row in range(len(values))]
    return coded(np.arange(len(values)), words)


def _batch(
    rows: PendingRows,
    held: dict[str, Numbers | Labels],
    places: NDArray[np.intp],
    schema: Schema,
    *,
    absent: bool,
) -> Batch:
    columns = {name: column.take(places) for name, column in held.items()}
    target = target_of(schema)
    if not absent:
        nothing = np.full(len(places), -1, dtype=np.int64), np.zeros(0, dtype=np.str_)
        is_number = target.kind is Kind.NUMERICAL
        columns[target.name] = Numbers(np.full(len(places), np.nan)) if is_number else Labels(*nothing)
    return Batch(len(places), rows.event_time[places], columns)
