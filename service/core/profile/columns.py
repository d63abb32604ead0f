"""The values of each column, counted: what a profile holds of its columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core.profile import distribution
from service.core.profile.stored_arrays import distribution_form, distribution_of
from service.core.rows.batch import Labels, Texts
from service.core.rows.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.profile.distribution import Distribution
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Column, Schema

DISTINCT_LIMIT = 65_536  # distinct numbers, or hashes of rows, that are kept exactly


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column's values, and its rows that hold none.

    Attributes:
        distribution: The values; of a text column the lengths of its texts.
        unparsable: Rows that held something that is no number.
        absent: Rows that came without the column at all.
        categorical: Whether the values are labels, which are never compressed, even where they are numbers.

    """

    distribution: Distribution
    unparsable: int = 0
    absent: int = 0
    categorical: bool = False

    @property
    def rows(self) -> int:
        """All rows that the column was looked for in."""
        return self.distribution.rows + self.unparsable + self.absent

    @property
    def missing(self) -> int:
        """Rows without a value: empty, or without the column."""
        return self.distribution.missing + self.absent


def empty(schema: Schema) -> dict[str, ColumnProfile]:
    """Return the columns of no rows: the identity of `merge`."""
    return {column.name: _absent(column, 0) for column in schema.columns}


def of(batch: Batch, schema: Schema, limit: int = DISTINCT_LIMIT) -> dict[str, ColumnProfile]:
    """Profile each column of a batch's rows, in the schema's order."""
    return {column.name: of_column(batch, column, limit) for column in schema.columns}


def of_column(batch: Batch, column: Column, limit: int = DISTINCT_LIMIT) -> ColumnProfile:
    """Profile one column of a batch's rows; at most `limit` distinct numbers are kept."""
    data = batch.columns.get(column.name)
    if data is None:
        return _absent(column, batch.rows)
    if isinstance(data, Labels):
        return ColumnProfile(distribution.of_codes(data.codes, data.labels), categorical=True)
    if isinstance(data, Texts):
        return ColumnProfile(distribution.compress(distribution.of_numbers(data.lengths), limit))
    if data.unparsable is None:
        return ColumnProfile(distribution.compress(distribution.of_numbers(data.values), limit))
    kept = distribution.of_numbers(data.values[~data.unparsable])
    return ColumnProfile(distribution.compress(kept, limit), unparsable=int(data.unparsable.sum()))


def merge(sides: Sequence[Mapping[str, ColumnProfile]], limit: int) -> dict[str, ColumnProfile]:
    """Return the columns of all rows of `sides` (one or more, of one schema), which stay as they are."""
    return {name: _merged([side[name] for side in sides], limit) for name in sides[0]}


def late(labelled: Batch, waiting: Batch, schema: Schema, limit: int) -> dict[str, ColumnProfile]:
    """Return what late labels add to the columns: the target's values less the rows that had none."""
    nothing = empty(schema)
    task = schema.task
    if task is None:
        return nothing
    target = next(column for column in schema.columns if column.name == task.target)
    after, before = (of_column(batch, target, limit) for batch in (labelled, waiting))
    missing = after.distribution.missing - before.distribution.missing
    added = replace(
        after,
        distribution=replace(after.distribution, missing=missing),
        unparsable=after.unparsable - before.unparsable,
        absent=after.absent - before.absent,
    )
    return {**nothing, task.target: added}


def encode(columns: Mapping[str, ColumnProfile], arrays: ArrayWriter) -> Json:
    """Return columns as JSON."""
    return {
        name: {
            "distribution": distribution_form(column.distribution, arrays),
            "unparsable": column.unparsable,
            "absent": column.absent,
            "categorical": column.categorical,
        }
        for name, column in columns.items()
    }


def decode(form: Json, arrays: ArrayReader) -> dict[str, ColumnProfile]:
    """Return the columns that `encode` was given."""
    return {
        name: ColumnProfile(
            distribution_of(entry["distribution"], arrays),
            entry["unparsable"],
            entry["absent"],
            entry["categorical"],
        )
        for name, entry in form.items()
    }


def _merged(sides: Sequence[ColumnProfile], limit: int) -> ColumnProfile:
    whole = distribution.merge([side.distribution for side in sides])
    return ColumnProfile(
        whole if sides[0].categorical else distribution.compress(whole, limit),
        unparsable=sum(side.unparsable for side in sides),
        absent=sum(side.absent for side in sides),
        categorical=sides[0].categorical,
    )


def _absent(column: Column, rows: int) -> ColumnProfile:
    return ColumnProfile(
        distribution.empty(column.kind), absent=rows, categorical=column.kind is Kind.CATEGORICAL
    )
