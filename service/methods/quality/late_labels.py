"""Whether labels that come late find their rows.

`unmatched_label_share` is the share of recent labels under whose id no row waited, as it was when the window
was measured. It is breached where most of them found none, which is no accident of single rows: ids are
written in two ways, or the labels belong to other rows. Performance that has no value for it says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.labels.matching import MOST_SHARE
from service.core.measurement import Aspect, Measurement, Series
from service.methods.stats.unmeasurable import NO_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.core.labels.matching import LabelMatching

UNMATCHED_SHARE = Series(Aspect.QUALITY, "unmatched_label_share", unit="share")
NONE_CAME = "no label has come yet"


def measure_matching(matching: LabelMatching) -> Measurement:
    """Measure the share of labels that found no row."""
    share = matching.share
    if share is None:
        return Measurement(UNMATCHED_SHARE, None, 0, NONE_CAME, threshold=MOST_SHARE)
    return Measurement(UNMATCHED_SHARE, share, matching.labels, threshold=MOST_SHARE, breached=matching.fails)


def explained(measurements: Iterable[Measurement], matching: LabelMatching) -> tuple[Measurement, ...]:
    """Return a window's measurements; where most labels find no row, `no labels yet` says so."""
    if not matching.fails:
        return tuple(measurements)
    reason = f"{NO_LABELS}: {matching.account}"
    return tuple(
        replace(m, reason=m.reason.replace(NO_LABELS, reason, 1))
        if m.reason is not None and m.reason.startswith(NO_LABELS)
        else m
        for m in measurements
    )
