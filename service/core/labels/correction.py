"""The correction of a pane by late labels: the profile of its rows with their labels, less that without.

The rows are counted in their pane already, without the label. A correction holds none of them again: no row,
no value of another column, no hash (what a row held when it came stays so). It holds what the label adds, and
the rows that waited for it with a minus. Everything is integers, so a correction merges like any profile, and
a pane with its corrections has bit for bit the outcome, by segment too, the target's distribution and the
cells of the same rows labelled at once.
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
    as it was when they came. Raises ProfileError without a task, or where a row has a label already.
    """
    task = schema.task
    if task is None:
        raise ProfileError("correction: the schema has no task, so that no label is expected")
    return profile.of_late_labels(rows.with_column(task.target, label), rows, schema, spec, limit=limit)
