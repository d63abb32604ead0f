"""Performance by segment: the metrics of a task over the rows in which a column has one value.

A segment is named `origin=JFK`; one class within it, of several, `origin=JFK, class=NAME`. The segment's rows
and their share of all rows are measured too.

Of fifty small segments some lie beyond any threshold by chance in every window. So a segment is breached
where it is a discovery among all verdicts of the window's segments: of those that are breached, the share
that chance brought is to be expected at the rate of false alarms at most (Y. Benjamini and Y. Hochberg,
"Controlling the false discovery rate", 1995). Where all segments are as bad as the threshold allows, any one
of them is breached in that share of windows. What has no band, such as `max_error`, is judged by its value.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import segments as parts
from service.core.profile.part import NOT_KEPT
from service.core.profile.spec.segment_values import REST
from service.methods.performance.judge import (
    FALSE_ALARM_RATE,
    NO_THRESHOLDS,
    Comparison,
    Judging,
    chance_of,
    judged,
)
from service.methods.performance.performance import comparisons, pending_rows
from service.methods.stats.p_values import false_discovery_rates
from service.methods.stats.shares import Share, measured_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.profile import Profile
    from service.core.profile.segments import Segments
    from service.core.profile.spec.segment_values import SegmentValues
    from service.core.rows.task import Task

NO_SEGMENTS: Mapping[str, SegmentValues] = MappingProxyType({})


class _Segment(NamedTuple):
    # One segment and the rows of its whole column; `before` is None where the reference does not have it.
    column: str
    value: str
    before: Outcome | None
    now: Outcome
    rows_before: int
    rows_now: int


def measure_segments(
    reference: Profile,
    current: Profile,
    task: Task | None,
    thresholds: Mapping[str, float] = NO_THRESHOLDS,
    *,
    by: Mapping[str, SegmentValues] = NO_SEGMENTS,
    rate: float = FALSE_ALARM_RATE,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure rows and every metric of `task` by segment, with the reference's own; nothing without segments.

    The rows of all segments are always measured, the metrics of `OTHER` and `MISSING` where there are such
    rows on either side. `thresholds` go by metric and hold for each segment, as described above, at the
    false-discovery `rate`. With `withheld` the metrics have that reason. Where the window's segments were not
    kept, the series of the columns `by` have that reason.
    """
    if task is None:
        return ()
    found = current.get(parts.PART)
    if found is None:
        return _not_kept(reference, current, task, by)
    segments = tuple(_segments(reference, current.rows, found))
    compared = [
        _within(segment, comparison)
        for segment in segments
        if segment.value not in REST
        or segment.now.rows
        or (segment.before is not None and segment.before.rows)
        for comparison in comparisons(task, segment.before, segment.now)
    ]
    judging, discoveries = _discoveries(compared, thresholds, rate)
    return (
        *(each for segment in segments for each in _rows(segment)),
        *(
            judged(
                comparison,
                thresholds.get(comparison.metric.name),
                withheld,
                judging,
                discovery=discoveries.get(place),
            )
            for place, comparison in enumerate(compared)
        ),
    )


def _discoveries(
    compared: Sequence[Comparison], thresholds: Mapping[str, float], rate: float
) -> tuple[Judging, dict[int, float]]:
    # By its place, each verdict's smallest false-discovery rate; what has no band has none.
    chances = {}
    for place, comparison in enumerate(compared):
        threshold = thresholds.get(comparison.metric.name)
        chance = None if threshold is None else chance_of(comparison, threshold)
        if chance is not None:
            chances[place] = chance
    found = false_discovery_rates(list(chances.values()))
    return Judging(rate, len(chances)), dict(zip(chances, found, strict=True))


def segment_name(column: str, value: str, within: str = "") -> str:
    """Return a segment's name; with `within` (`class=NAME`), that of a part of it.

    No two segments share a name: what would read as a separator is escaped by a backslash.
    """
    column = _escaped(column, "=")
    return f"{column}={_escaped(value, ',')}, {within}" if within else f"{column}={value}"


def _within(segment: _Segment, comparison: Comparison) -> Comparison:
    return comparison._replace(segment=segment_name(segment.column, segment.value, comparison.segment))


def _escaped(text: str, separator: str) -> str:
    return text.replace("\\", r"\\").replace(separator, f"\\{separator}")


def _segments(reference: Profile, rows: int, found: Mapping[str, Segments]) -> Iterator[_Segment]:
    reference_segments = reference.get(parts.PART) or {}
    for column, now in found.items():
        known = reference_segments.get(column)
        before = {} if known is None else known.named
        for value, outcome in now.named.items():
            yield _Segment(column, value, before.get(value), outcome, reference.rows, rows)


def _not_kept(
    reference: Profile, current: Profile, task: Task, by: Mapping[str, SegmentValues]
) -> tuple[Measurement, ...]:
    # The same series as of segments without a row, each without its value.
    nothing = {column: parts.empty(task, values) for column, values in by.items()}
    measured = measure_segments(reference, current.with_part(parts.PART, nothing), task)
    return tuple(
        Measurement(each.series, None, 0, NOT_KEPT, each.threshold, reference=each.reference)
        for each in measured
    )


def _rows(segment: _Segment) -> Iterator[Measurement]:
    name = segment_name(segment.column, segment.value)
    before, now = segment.before, segment.now
    yield Measurement(
        Series(Aspect.QUALITY, "rows", segment=name, unit="rows"),
        float(now.rows),
        now.rows,
        reference=None if before is None else float(before.rows),
    )
    yield measured_share(
        Series(Aspect.QUALITY, "row_share", segment=name, unit="share", worse=Worse.BOTH),
        Share(0, 0) if before is None else Share(before.rows, segment.rows_before),
        Share(now.rows, segment.rows_now),
    )
    yield pending_rows(before, now, name)
