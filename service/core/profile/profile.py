"""What is kept of some rows: enough to compute every metric, without the rows.

A profile is a commutative monoid over its rows: `empty`, `of`, `merge`, part by part, so a new part needs no
new law. Guarantee: merging the profiles of any split gives the profile of the whole, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile import distribution, row_sample, segments, spec, texts
from service.core.profile import error_cells as cells
from service.core.profile import pca_reconstruction as reconstruction
from service.core.profile import row_counts as tally
from service.core.profile.outcome import outcome
from service.core.profile.row_counts import Tally
from service.core.profile.row_sample import RowSample
from service.core.rows.batch import Labels, Numbers, Texts
from service.core.rows.schema import Kind
from service.core.rows.task import Regression
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.profile.error_cells import CellCounts
    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.pca_reconstruction import Reconstruction
    from service.core.profile.segments import Segments
    from service.core.profile.spec import ProfileSpec
    from service.core.profile.texts import TextCounts
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Column, Schema

DISTINCT_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column's values, and its rows that hold none.

    `unparsable` rows held something that is no number; `absent` rows came without the column at all.
    """

    distribution: Distribution
    unparsable: int = 0
    absent: int = 0
    categorical: bool = False  # labels, which may be numbers, are never compressed
    text: TextCounts | None = None  # of a text column, whose distribution is that of its lengths

    @property
    def rows(self) -> int:
        """All rows that the column was looked for in."""
        return self.distribution.rows + self.unparsable + self.absent

    @property
    def missing(self) -> int:
        """Rows without a value: empty, or without the column."""
        return self.distribution.missing + self.absent


@dataclass(frozen=True, slots=True)
class Profile:
    """The summary of `rows` rows: one column profile a schema column, in the schema's order.

    `outcome` is None where the schema has no task. `cells` are a regression's errors by cell of a column, for
    the columns that the reference's anchors have edges for. `sample` holds some of the rows themselves,
    `reconstruction` how far the reference's components are from them all (None where nobody asked),
    `segments` the outcome by value of a column, for the columns that it is asked for by.
    """

    schema: str
    rows: int
    columns: dict[str, ColumnProfile]
    outcome: Outcome | None = None
    tally: Tally = field(default_factory=Tally)
    cells: dict[str, CellCounts] = field(default_factory=dict)
    sample: RowSample = field(default_factory=RowSample)
    reconstruction: Reconstruction | None = None
    segments: dict[str, Segments] = field(default_factory=dict)


def empty(schema: Schema, spec: ProfileSpec = spec.NONE) -> Profile:
    """Return the profile of no rows: the identity of `merge`."""
    columns = {c.name: _absent(c, 0, spec) for c in schema.columns}
    turned_out = None if schema.task is None else outcome.empty(schema.task)
    no_cells = {name: cells.empty(at) for name, at in spec.edges.items()}
    return Profile(
        schema.fingerprint,
        0,
        columns,
        turned_out,
        tally.empty(schema),
        no_cells,
        row_sample.empty(schema, spec.sample_rows),
        None if spec.components is None else reconstruction.empty(spec.components),
        _no_segments(schema, spec),
    )


def of(
    batch: Batch, schema: Schema, spec: ProfileSpec = spec.NONE, *, limit: int = DISTINCT_LIMIT
) -> Profile:
    """Profile a batch's rows; at most `limit` distinct numbers are kept of a column.

    Raises ProfileError where `fixed` asks for a sample and the rows are not numbered.
    """
    return Profile(
        schema.fingerprint,
        batch.rows,
        {c.name: of_column(batch, c, spec, limit) for c in schema.columns},
        None if schema.task is None else outcome.of(batch, schema.task, limit=limit),
        tally.of(batch, schema, limit=limit),
        cells.of_columns(batch.columns, errors(batch, schema), spec.edges) if spec.edges else {},
        row_sample.of(batch, schema, spec.sample_rows),
        None if spec.components is None else reconstruction.of(batch, spec.components),
        segmented(batch, schema, spec, limit=limit),
    )


def merge(parts: Sequence[Profile], *, limit: int = DISTINCT_LIMIT) -> Profile:
    """Return the profile of all rows of `parts`, which stay as they are.

    Raises ProfileError where there is no part or where parts were made with another schema.
    """
    if not parts:
        raise ProfileError("merge: no part given; expected at least one profile, it may be empty")
    first = parts[0]
    for part in parts[1:]:
        if not _alike(first, part):
            raise ProfileError(
                f"merge: profiles of schema {first.schema} and {part.schema} cannot be merged; "
                "expected parts made with the same columns, kinds and roles"
            )
    columns = {name: _merged([part.columns[name] for part in parts], limit) for name in first.columns}
    outcomes = [part.outcome for part in parts if part.outcome is not None]
    summed = [part.reconstruction for part in parts if part.reconstruction is not None]
    return Profile(
        first.schema,
        sum(part.rows for part in parts),
        columns,
        outcome.merge(outcomes, limit=limit) if outcomes else None,
        tally.merge([part.tally for part in parts], limit=limit),
        {name: cells.merge([part.cells[name] for part in parts]) for name in first.cells},
        row_sample.merge([part.sample for part in parts]),
        reconstruction.merge(summed) if summed else None,
        {
            name: segments.merge([part.segments[name] for part in parts], limit=limit)
            for name in first.segments
        },
    )


def _alike(one: Profile, other: Profile) -> bool:
    return (
        one.schema == other.schema
        and one.cells.keys() == other.cells.keys()
        and one.segments.keys() == other.segments.keys()
        and (one.reconstruction is None) is (other.reconstruction is None)
    )


def of_column(
    batch: Batch, column: Column, spec: ProfileSpec = spec.NONE, limit: int = DISTINCT_LIMIT
) -> ColumnProfile:
    """Profile one column of a batch's rows; at most `limit` distinct numbers are kept."""
    data = batch.columns.get(column.name)
    if data is None:
        return _absent(column, batch.rows, spec)
    if isinstance(data, Labels):
        return ColumnProfile(distribution.of_codes(data.codes, data.labels), categorical=True)
    if isinstance(data, Texts):
        lengths = distribution.compress(distribution.of_numbers(data.lengths), limit)
        return ColumnProfile(lengths, text=texts.of(data, spec.vocabularies.get(column.name)))
    if data.unparsable is None:
        return ColumnProfile(distribution.compress(distribution.of_numbers(data.values), limit))
    kept = distribution.of_numbers(data.values[~data.unparsable])
    return ColumnProfile(distribution.compress(kept, limit), unparsable=int(data.unparsable.sum()))


def segmented(
    batch: Batch, schema: Schema, spec: ProfileSpec, *, limit: int = DISTINCT_LIMIT
) -> dict[str, Segments]:
    """Return the batch's outcome by segment of each column that `fixed` has values for."""
    if schema.task is None or not spec.segments:
        return {}
    return segments.of_columns(batch, schema.task, spec.segments, limit=limit)


def errors(batch: Batch, schema: Schema) -> NDArray[np.float64]:
    """Return a regression's absolute error by row (float64, shape (rows,)), NaN where there is none."""
    task = schema.task
    if not isinstance(task, Regression):
        return np.full(batch.rows, np.nan)
    sides = [batch.columns.get(name) for name in (task.prediction, task.target)]
    prediction, target = (s.values if isinstance(s, Numbers) else np.full(batch.rows, np.nan) for s in sides)
    return cells.absolute_error(prediction, target)


def mistakes(batch: Batch, schema: Schema) -> NDArray[np.float64]:
    """Return a classifier's error by row (float64, shape (rows,)): 1 wrong, 0 right, NaN where unknown."""
    task = schema.task
    if task is None or isinstance(task, Regression):
        return np.full(batch.rows, np.nan)
    return outcome.mistakes(batch, task)


def _no_segments(schema: Schema, spec: ProfileSpec) -> dict[str, Segments]:
    task = schema.task
    return {} if task is None else {name: segments.empty(task, of) for name, of in spec.segments.items()}


def _merged(parts: Sequence[ColumnProfile], limit: int) -> ColumnProfile:
    whole = distribution.merge([part.distribution for part in parts])
    counted = [part.text for part in parts if part.text is not None]
    return ColumnProfile(
        whole if parts[0].categorical else distribution.compress(whole, limit),
        unparsable=sum(part.unparsable for part in parts),
        absent=sum(part.absent for part in parts),
        categorical=parts[0].categorical,
        text=texts.merge(counted) if counted else None,
    )


def _absent(column: Column, rows: int, spec: ProfileSpec) -> ColumnProfile:
    return ColumnProfile(
        distribution.empty(column.kind),
        absent=rows,
        categorical=column.kind is Kind.CATEGORICAL,
        text=texts.empty(spec.vocabularies.get(column.name)) if column.kind is Kind.TEXT else None,
    )
