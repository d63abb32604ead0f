"""What the labels, categories and ids of a source say of its reference and of its late labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.checks.look import Finding
from service.core.profile.columns import of_column
from service.core.rows.schema import Kind
from service.methods.performance.strange_labels import STRANGE_SHARE, strange, strange_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.checks.look import MonitorLook
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch

MAX_CATEGORIES = 100  # of a reference's column, above which new ones are no wonder
REPEATED_SHARE = 0.05  # of the rows' ids, above which they are hardly one per row
USELESS_SHARE = 0.05  # of late labels that cannot be used


def strange_categories(made: Reference, batch: Batch) -> Iterator[str]:
    """Yield each column whose categories are mostly none of the reference's; both in their columns' forms."""
    before = made.profile.columns
    now = {c.name: of_column(batch, c) for c in made.schema.columns if c.name in batch.columns}
    reason = strange_labels(before, now, made.schema.task)
    if reason is not None:
        yield f"{reason}: no performance"
    for column in made.schema.columns:
        held = before[column.name].distribution if column.name in before else None
        if column.kind is not Kind.CATEGORICAL or column.name not in now or held is None or column.mask:
            continue
        if 0 < held.distinct <= MAX_CATEGORIES and not (reason or "").startswith(f"{column.name}:"):
            found = strange(column.name, before[column.name], now[column.name], share=STRANGE_SHARE)
            if found is not None:
                yield found


def useless_labels(look: MonitorLook) -> Iterator[Finding]:
    """Yield that late labels cannot be used."""
    labels = look.labels
    if labels is None or labels.late is None or not labels.useless:
        return
    read = labels.late + labels.useless
    if labels.useless > USELESS_SHARE * read:
        name = look.monitor.target
        yield Finding(
            "note",
            f"{look.monitor.name}: labels",
            f"{labels.useless:,} of {read:,} labels are no numbers and are refused; how they are written is "
            f'said of the column, such as {name}: {{kind: numerical, decimal: ","}} or {{kind: numerical, '
            'thousands: ","}',
        )


def repeated_ids(look: MonitorLook) -> Iterator[Finding]:
    """Yield that rows share ids by which late labels find them."""
    if look.monitor.labels is None or look.source is None:
        return
    ids = look.source.batch.arrival.identity
    held = np.zeros(0, dtype=np.uint64) if ids is None else ids[ids != 0]
    repeated = len(held) - len(np.unique(held))
    if repeated > REPEATED_SHARE * max(len(held), 1):
        yield Finding(
            "note",
            f"{look.monitor.name}: source",
            f"{look.monitor.id}: {repeated:,} of {len(held):,} ids were there before; a label goes to every "
            "row of its id, and a second one is refused: expected the id of a prediction, not of a customer",
        )
