"""Why a two-class model's performance has no value where a window's labels are not those of the reference.

Every label but the positive one counts as negative. A window that spells its labels otherwise, `YES` for the
reference's `yes`, would so have a perfect model, or a dead one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.label_text import of_class
from service.core.rows.task import Binary

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from service.core.profile.columns import ColumnProfile
    from service.core.rows.task import Task

STRANGE_SHARE = 0.5  # of a column's labels, above which performance is not measured
TWO = 2  # labels: of a reference with one alone, the other may well come
SHOWN = 3  # labels of each side


def strange_labels(
    reference: Mapping[str, ColumnProfile], current: Mapping[str, ColumnProfile], task: Task | None
) -> str | None:
    """Return the reason where most labels of the target or of the prediction are none of the reference's."""
    if not isinstance(task, Binary):
        return None
    columns = [name for name in (task.target, task.prediction) if name is not None]
    known = {*task.positive, *(label for name in columns for label in _labels(reference.get(name)))}
    for name in columns:
        before, now = reference.get(name), current.get(name)
        if before is not None and now is not None and len(_labels(before)) >= TWO:
            reason = strange(name, before, now, known=known)
            if reason is not None:
                return reason
    return None


def strange(
    name: str,
    reference: ColumnProfile,
    current: ColumnProfile,
    *,
    known: Collection[str] = (),
    share: float = STRANGE_SHARE,
) -> str | None:
    """Return what a column's labels are where more than a `share` of them is not known to the reference."""
    usual, held = _labels(reference), current.distribution
    familiar = {*known, *usual}
    counts = dict(zip(_labels(current), np.sort(held.counts)[::-1].tolist(), strict=True))
    strangers = [label for label in counts if label not in familiar]
    rows = sum(counts[label] for label in strangers)
    if rows <= share * held.finite:
        return None
    return (
        f"{name}: {rows:,} of {held.finite:,} labels are not among the reference's ({_shown(usual)}): "
        f"{_shown(strangers)}; write them as the reference does"
    )


def _labels(side: ColumnProfile | None) -> list[str]:
    # The most frequent first.
    if side is None:
        return []
    held = side.distribution
    values = held.values[np.argsort(-held.counts, kind="stable")].tolist()
    return [value if isinstance(value, str) else of_class(value) for value in values]


def _shown(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(f'"{label}"' for label in labels[:SHOWN]) + more
