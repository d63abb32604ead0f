"""Rows that were updated once they had been measured: their labels, which were filled in later.

An updated row comes again. Where its first version was measured without a label and waits for it, the new one
is no row but the label. All other rows that come again are told by their ids (`deduplicate: id`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.labels.join import signed
from service.core.rows.inbox_change import LabelAhead
from service.core.rows.row_hash import NOTHING
from service.sources.http.posted_labels import label_cells
from service.sources.postgres_table.rows import id_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sources.context import SourceContext
    from service.sources.postgres_table.rows import Line, PageRows


async def split(
    rows: PageRows, lines: Sequence[Line], context: SourceContext, target: str | None, now: int
) -> tuple[PageRows, list[LabelAhead]]:
    """Return rows without those that are labels of rows that wait, and these labels, known at `now`."""
    batch = rows.batch
    identity = batch.arrival.identity
    if context.labels is None or identity is None or target is None or target not in batch.columns:
        return rows, []
    cells = label_cells(batch, target)
    filled = np.array([value is not None or typed == "no number" for value, typed in cells], dtype=np.bool_)
    candidates = np.flatnonzero(filled & (identity != NOTHING))
    if not len(candidates):
        return rows, []
    waiting = await context.tables.inbox.rows_waiting(sorted(set(signed(identity[candidates]))))
    if not waiting:
        return rows, []
    marks = np.zeros(batch.rows, dtype=np.bool_)
    marks[candidates] = np.isin(identity[candidates].view(np.int64), np.array([*waiting], dtype=np.int64))
    name = context.schema.identity or ""
    labels = [
        LabelAhead(
            int(identity[row].view(np.int64)),
            now,
            now,
            {"id": id_of(lines[int(rows.places[row])], name), "label": cells[row][0], "typed": cells[row][1]},
        )
        for row in np.flatnonzero(marks).tolist()
    ]
    kept = np.flatnonzero(~marks)
    return replace(rows, batch=batch.take(kept), places=rows.places[kept]), labels
