"""A fitted reference as bytes, so that every start and every replica scores rows as the first fit did.

Scores that differ in one bit, by the rounding of another processor or library, give sums that have no whole
with the earlier ones. Layout, numbers big-endian: four magic bytes, the format (uint16), BLAKE2b-128 of all
that follows, and a zlib stream: the length of a JSON head (uint32), the head, and the arrays that it names,
little-endian. Equal fits give equal bytes.

`FORMAT` says how scores are fitted as well as how they are written: it rises with either.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.blocks import sums
from service.core.blocks.reference import ReferenceBlocks
from service.core.blocks.scores import Aim, Component, LabelScores, NumberScores
from service.core.blocks.sums import BlockSpec, BlockSums
from service.core.rows.batch import Labels, Numbers
from service.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from service.core.blocks.plan import BlockPlan
    from service.core.blocks.scores import ColumnScores
    from service.core.rows.batch import Batch, ColumnRows

    Array = NDArray[Any]

FORMAT = 1
MAGIC = b"TDGB"
_PREFIX, _LENGTH = struct.Struct(">4sH16s"), struct.Struct(">I")
_TYPES = {"i": "<i8", "f": "<f8"}


@dataclass(frozen=True, slots=True, eq=False)
class KeptBlocks:
    """A fitted reference as it was kept.

    Attributes:
        made_of: What it was fitted to, as `made_of` says it.
        columns: The scores of each column.
        expected: By how much the mean score of a season's cell lies beyond that of all rows.
        sums: The reference's own sums.
        second: The mean of each component's squared score.
        third: The mean of its cube.

    """

    made_of: str
    columns: tuple[ColumnScores, ...]
    expected: NDArray[np.int64]
    sums: BlockSums
    second: NDArray[np.float64]
    third: NDArray[np.float64]

    def with_plan(self, plan: BlockPlan) -> ReferenceBlocks:
        """Return the fitted reference; `plan` is the one that `made_of` was told."""
        spec = BlockSpec(plan, self.columns, self.expected)
        return ReferenceBlocks(spec, self.sums, self.second, self.third)


def made_of(batch: Batch, names: Sequence[str], plan: BlockPlan, joint: str = "") -> str:
    """Return 32 hex digits that change with all that scores are fitted to: rows, blocks, columns and cells.

    `joint` stands for what the rows' reconstruction errors come from, which are no column of `batch`.
    """
    told = repr((plan.fingerprint, tuple(names), joint, batch.rows))
    digest = hashlib.blake2b(told.encode(errors="surrogatepass"), digest_size=16)
    digest.update(plan.sub_blocks(batch).astype("<i8").tobytes())
    digest.update(plan.season.cells(batch.event_time).astype("<i2").tobytes())
    for name in names:
        for part in _parts(batch.columns.get(name)):
            digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def _parts(data: ColumnRows | None) -> Sequence[bytes]:
    if data is None:
        return (b"absent",)
    if isinstance(data, Labels):
        labels = json.dumps(data.labels.tolist()).encode()
        return b"labels", labels, data.codes.astype("<i8").tobytes()
    values = data.values if isinstance(data, Numbers) else data.lengths
    return b"numbers", values.astype("<f8").tobytes()


def encode(fitted: ReferenceBlocks, made_of: str) -> bytes:
    """Return a fitted reference as bytes."""
    arrays: list[Array] = []

    def put(array: Array) -> int:
        arrays.append(array.astype(_TYPES["f" if array.dtype.kind == "f" else "i"], copy=False))
        return len(arrays) - 1

    own = fitted.sums
    head = {
        "made_of": made_of,
        "plan": fitted.spec.plan.fingerprint,
        "mark": own.mark,
        "columns": [_column_form(column, put) for column in fitted.spec.columns],
        **{
            name: put(array)
            for name, array in (
                ("expected", fitted.spec.expected),
                ("sub_blocks", own.sub_blocks),
                ("rows", own.rows),
                ("sums", own.sums),
                ("second", fitted.second),
                ("third", fitted.third),
            )
        },
    }
    head["arrays"] = [["f" if array.dtype.kind == "f" else "i", list(array.shape)] for array in arrays]
    said = json.dumps(head, separators=(",", ":")).encode()
    body = (_LENGTH.pack(len(said)), said, *(array.tobytes() for array in arrays))
    rest = zlib.compress(b"".join(body))
    return _PREFIX.pack(MAGIC, FORMAT, _checksum(rest)) + rest


def decode(payload: bytes) -> KeptBlocks:
    """Return the fitted reference that `payload` was made of.

    Raises CodecError where the bytes are none, are damaged or cut short, or of another format.
    """
    if len(payload) < _PREFIX.size:
        raise CodecError(f"fitted alarms of {len(payload)} bytes are cut short")
    magic, version, checksum = _PREFIX.unpack_from(payload)
    if magic != MAGIC or version != FORMAT:
        raise CodecError(
            f"bytes that start with {magic!r} format {version} are no fitted alarms of this version; "
            f"expected {MAGIC!r} format {FORMAT}"
        )
    rest = payload[_PREFIX.size :]
    if _checksum(rest) != checksum:
        raise CodecError(f"fitted alarms of {len(payload)} bytes are damaged: their checksum differs")
    try:
        return _read(zlib.decompress(rest))
    except (zlib.error, struct.error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CodecError(f"fitted alarms of {len(payload)} bytes are damaged: {error!r}") from error


def _read(body: bytes) -> KeptBlocks:
    (length,) = _LENGTH.unpack_from(body)
    offset = _LENGTH.size + length
    head = json.loads(body[_LENGTH.size : offset])
    arrays: list[Array] = []
    for kind, shape in head["arrays"]:
        count = int(np.prod(shape, dtype=np.int64))
        read = np.frombuffer(body, _TYPES[kind], count, offset) if count else np.zeros(0, _TYPES[kind])
        arrays.append(read.astype(np.float64 if kind == "f" else np.int64, copy=False).reshape(shape))
        offset += read.nbytes
    columns = tuple(_column_of(form, arrays) for form in head["columns"])
    expected, second, third, summed = (arrays[head[name]] for name in ("expected", "second", "third", "sums"))
    own = BlockSums(head["mark"], arrays[head["sub_blocks"]], arrays[head["rows"]], summed)
    width = sum(len(column.components) for column in columns)
    if sums.mark_of(head["plan"], columns, expected) != own.mark or offset != len(body):
        raise ValueError("its scores are not those of its fingerprint")
    if {width} != {expected.shape[1], len(second), len(third), summed.shape[1]}:
        raise ValueError("its arrays do not belong together")
    return KeptBlocks(head["made_of"], columns, expected, own, second, third)


def _column_form(column: ColumnScores, put: Callable[[Array], int]) -> list[Any]:
    if isinstance(column, NumberScores):
        own = [put(each) for each in (column.edges, column.table, column.counts, column.response)]
        return ["numbers", column.column, column.missing, *own]
    components = [[each.column, each.aim.value, each.label] for each in column.components]
    own = [put(each) for each in (column.table, column.buckets, column.neutral)]
    return ["labels", column.column, components, column.labels.tolist(), *own]


def _column_of(form: list[Any], arrays: Sequence[Array]) -> ColumnScores:
    kind, name, *rest = form
    if kind == "numbers":
        missing, edges, table, counts, response = rest
        scores = arrays[table].astype(np.int32)
        return NumberScores(name, arrays[edges], scores, arrays[counts], missing, arrays[response])
    components, labels, table, buckets, neutral = rest
    return LabelScores(
        name,
        np.array(labels, dtype=np.str_),
        arrays[table],
        arrays[buckets].astype(np.intp, copy=False),
        tuple(Component(column, Aim(aim), label) for column, aim, label in components),
        arrays[neutral],
    )


def _checksum(rest: bytes) -> bytes:
    return hashlib.blake2b(rest, digest_size=16).digest()
