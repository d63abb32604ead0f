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
    from collections.abc import Collection, Sequence

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile
    from service.core.rows.task import Task

STRANGE_SHARE = 0.5  # of a column's labels, above which performance is not measured
TWO = 2  # labels: of a reference with one alone, the other may well come
SHOWN = 3  # labels of each side


def strange_labels(reference: Profile, current: Profile, task: Task | None) -> str | None:
    """Return the reason where most labels of the target or of the prediction are none of the reference's."""
    if not isinstance(task, Binary):
        return None
    columns = [name for name in (task.target, task.prediction) if name is not None]
    sides = [(name, reference.columns.get(name), current.columns.get(name)) for name in columns]
    known = {*task.positive, *(label for _, side, _ in sides for label in _labels(side))}
    for name, before, now in sides:
        if len(_labels(before)) >= TWO and now is not None:
            reason = _reason(name, now.distribution, known, _labels(before))
            if reason is not None:
                return reason
    return None


def _labels(side: ColumnProfile | None) -> list[str]:
    # The most frequent first.
    if side is None:
        return []
    held = side.distribution
    values = held.values[np.argsort(-held.counts, kind="stable")].tolist()
    return [value if isinstance(value, str) else of_class(value) for value in values]


def _reason(name: str, current: Distribution, known: Collection[str], usual: Sequence[str]) -> str | None:
    values = [value if isinstance(value, str) else of_class(value) for value in current.values.tolist()]
    strange = {
        label: n for label, n in zip(values, current.counts.tolist(), strict=True) if label not in known
    }
    rows = sum(strange.values())
    if rows <= STRANGE_SHARE * current.finite:
        return None
    return (
        f"{name}: {rows:,} of {current.finite:,} labels are not among the reference's ({_shown(usual)}): "
        f"{_shown(sorted(strange, key=lambda label: -strange[label]))}; write them as the reference does"
    )


def _shown(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(f'"{label}"' for label in labels[:SHOWN]) + more
