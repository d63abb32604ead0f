"""The correction that a late label makes: the profile of the rows with it, minus that of the rows without.

The rows are counted in their pane already, without the label. A correction counts none of them again: no row,
no value of another column, no hash (the hash of a row as it came is kept). It holds what the label adds, and
subtracts the rows that waited for it. Everything is integers, so that a correction merges like any profile. A
pane with its corrections has the same outcome (by segment too), distribution of the target and error cells as
the same rows labelled at once, bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.profile import profile
from service.core.profile.columns import DISTINCT_LIMIT
from service.core.profile.spec import spec
from service.errors import ProfileError

if TYPE_CHECKING:
    from service.core.profile.profile import Profile
    from service.core.profile.spec.spec import ProfileSpec
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
    """Return what `label` (one value per row) adds to the profile of `rows`, which came without one.

    `rows` need the columns of the task and those that `spec` names; the target is absent or missing in each,
    as when they came. Raises ProfileError without a task, or where a row has a label already.
    """
    task = schema.task
    if task is None:
        raise ProfileError("correction: the schema has no task, so that no label is expected")
    return profile.of_late_labels(rows.with_column(task.target, label), rows, schema, spec, limit=limit)
