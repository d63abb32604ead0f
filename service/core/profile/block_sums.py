"""The sums of rows' scores by block, which the drift alarms' test rests on: a profile's part.

Sums that were made with different references, or with other blocks, have no whole: the merged part says so
(`sums.MIXED`), and what rests on it has a reason in place of a value. So a monitor whose reference was
replaced goes on, and judges again once its windows hold nothing of before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.blocks import sums
from service.core.blocks.plan import BlockUnit
from service.core.blocks.sums import BlockSums
from service.core.profile.part import Part
from service.core.profile.spec.pca_components import errors
from service.core.rows.batch import Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.blocks.sums import BlockSpec
    from service.core.profile.spec.pca_components import Components
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema

JOINT = "\0reconstruction error"  # no column of a table has such a name


def with_joint(batch: Batch, components: Components | None) -> Batch:
    """Return the batch with its rows' reconstruction errors as one more column, where they are measured."""
    if components is None or not batch.rows:
        return batch
    return batch.with_column(JOINT, Numbers(errors(batch, components)))


def _empty(_: Schema, spec: ProfileSpec) -> BlockSums | None:
    return None if spec.blocks is None else sums.empty(spec.blocks)


def _of(batch: Batch, _: Schema, spec: ProfileSpec, __: int) -> BlockSums | None:
    return None if spec.blocks is None else _summed(batch, spec, spec.blocks)


def _summed(batch: Batch, spec: ProfileSpec, blocks: BlockSpec) -> BlockSums:
    return sums.of(with_joint(batch, spec.components), blocks)


def _late(labelled: Batch, waiting: Batch, _: Schema, spec: ProfileSpec, __: int) -> BlockSums | None:
    if spec.blocks is None:
        return None
    if spec.blocks.plan.unit is BlockUnit.RUN:  # late labels follow rows by their time; a run has none
        return sums.empty(spec.blocks)
    after, before = (_summed(batch, spec, spec.blocks) for batch in (labelled, waiting))
    added = replace(before, rows=-before.rows, sums=-before.sums)
    return sums.merge([after, added])


def _merge(sides: Sequence[BlockSums | None], _: int) -> BlockSums | None:
    summed = [side for side in sides if side is not None]
    if not summed:
        return None
    return sums.merge(summed) if len(summed) == len(sides) else sums.mixed()


def _encode(summed: BlockSums | None, arrays: ArrayWriter) -> Json:
    if summed is None:
        return None
    count, width = summed.sums.shape
    places = [arrays.put(each) for each in (summed.sub_blocks, summed.rows, summed.sums.ravel())]
    return [summed.mark, count, width, *places]


def _decode(form: Json, arrays: ArrayReader) -> BlockSums | None:
    if form is None:
        return None
    mark, count, width, sub_blocks, rows, found = form
    return BlockSums(
        mark,
        arrays.take(sub_blocks, "<i8", count).astype(np.int64, copy=False),
        arrays.take(rows, "<i8", count).astype(np.int64, copy=False),
        arrays.take(found, "<i8", count * width).astype(np.int64, copy=False).reshape(count, width),
    )


PART: Part[BlockSums | None] = Part(
    "block_sums", _empty, _of, _merge, _encode, _decode, late=_late
)  # None: no calibrated alarms were asked for
