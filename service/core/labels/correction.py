"""The correction that a late label makes: the profile of the rows with it, minus that of the rows without.

The rows are counted in their pane already, without the label. A correction counts none of them again: no row,
no value of another column, no hash (the hash of a row as it came is kept). It holds what the label adds, and
subtracts the rows that waited for it. Everything is integers, so that a correction merges like any profile. A
pane with its corrections has the same outcome (by segment too), distribution of the target and error cells as
the same rows labelled at once, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.profile import error_cells, profile, segments, spec
from service.core.profile.outcome import outcome
from service.core.profile.profile import DISTINCT_LIMIT, ColumnProfile
from service.errors import ProfileError

if TYPE_CHECKING:
    from service.core.profile.profile import Profile
    from service.core.profile.segments import Segments
    from service.core.profile.spec import ProfileSpec
    from service.core.rows.batch import Batch, Labels, Numbers
    from service.core.rows.schema import Schema


def of(
    rows: Batch,
    label: Numbers | Labels,
    schema: Schema,
    spec: ProfileSpec = spec.NONE,
    *,
    limit: int = DISTINCT_LIMIT,
) -> Profile:
    """Return what `label` (a value a row) adds to the profile of `rows`, which came without one.

    `rows` need the columns of the task and those that `spec` names; the target is absent or missing in each,
    as when they came. Raises ProfileError without a task, or where a row has a label already.
    """
    task = schema.task
    if task is None:
        raise ProfileError("correction: the schema has no task, so that no label is expected")
    labelled = rows.with_column(task.target, label)
    after, before = (outcome.of(batch, task, limit=limit) for batch in (labelled, rows))
    nothing = profile.empty(schema, spec)
    target = next(column for column in schema.columns if column.name == task.target)
    sides = [profile.of_column(batch, target, spec, limit) for batch in (labelled, rows)]
    by_cell = error_cells.of_columns(labelled.columns, profile.errors(labelled, schema), spec.edges)
    return replace(
        nothing,
        columns={**nothing.columns, task.target: _less(*sides)},
        outcome=outcome.less(after, before),
        cells={name: replace(counts, rows=(0,) * len(counts.rows)) for name, counts in by_cell.items()},
        segments=_segments_less(labelled, rows, schema, spec, limit=limit),
    )


def _segments_less(
    labelled: Batch, rows: Batch, schema: Schema, spec: ProfileSpec, *, limit: int
) -> dict[str, Segments]:
    after, before = (profile.segmented(batch, schema, spec, limit=limit) for batch in (labelled, rows))
    return {name: segments.less(found, before[name]) for name, found in after.items()}


def _less(after: ColumnProfile, before: ColumnProfile) -> ColumnProfile:
    # What `before` holds is missing or absent in every row.
    kept = after.distribution
    missing = kept.missing - before.distribution.missing
    return replace(
        after,
        distribution=replace(kept, missing=missing),
        unparsable=after.unparsable - before.unparsable,
        absent=after.absent - before.absent,
    )
