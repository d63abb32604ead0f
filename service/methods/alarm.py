"""Alarms: k of n breached windows raise one, k of n clear windows end it.

With k above half of n, one noisy window neither raises an alarm nor clears one, and both can never hold at
once. For a smaller k, clearing takes n - k + 1 clear windows, so that raising wins. A window whose value lies
beyond the threshold, though chance may explain it, is neither breached nor clear: it counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core.alarm_state import AlarmHistory, AlarmName
from service.core.event import Event
from service.core.labels import remeasure
from service.core.measurement import Aspect, Worse
from service.methods.performance import registry
from service.methods.performance.judge import is_beyond

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from service.core.checkpoint import Checkpoint
    from service.core.measurement import Measurement, Series
    from service.core.windows.records import WindowRecord
    from service.core.windows.window import WindowPlan

# Of performance, what is final before labels come: how often a class was predicted, and what is expected.
KNOWN_AT_ONCE = {metric.name for metric in registry.ALL if not metric.needs_labels}
FROM_REFERENCE = {metric.name for metric in registry.ALL if metric.from_reference}
BREACH, RECOVERY = "breach", "recovery"
MAX_DIGITS = 7  # of a value in a message
LARGE = 1e12  # from here on it has an exponent


@dataclass(frozen=True, slots=True)
class AlarmPlan:
    """How many breached windows (`breaches`) of the last `windows` raise an alarm; by default 2 of 3."""

    breaches: int = 2
    windows: int = 3

    @property
    def clear(self) -> int:
        """How many of the last windows have to be clear for an alarm to end."""
        return max(self.breaches, self.windows - self.breaches + 1)


# What is known of each alarm that is not simply quiet: its encoded history by its encoded name, see
# `core/alarm_state.py`. Text, so that a checkpoint can keep it.
Alarms = dict[str, str]


def step(
    before: Mapping[str, str],
    window: WindowRecord,
    plan: AlarmPlan,
    *,
    among: Callable[[Series], bool] = lambda _: True,
) -> tuple[Alarms, tuple[Event, ...]]:
    """Return the alarms after a window, and an event for each that it raised or ended.

    A series without a verdict in this window (no value, no threshold, or beyond it by what chance may
    explain), or not `among` those to be looked at, stays as it was. `before` is left unchanged.
    """
    after, events = dict(before), []
    for measurement in verdicts([m for m in window.measurements if among(m.series) and not is_open(m)]):
        name = name_of(measurement.series).encode()
        past = AlarmHistory.decode(before.get(name, ""))
        history = _followed(past, breached=bool(measurement.breached), plan=plan)
        after[name] = history.encode()
        if not history.raised and not any(history.windows):
            del after[name]
        if history.raised != past.raised:
            events.append(_event(measurement, window, history))
    return after, tuple(events)


def _followed(past: AlarmHistory, *, breached: bool, plan: AlarmPlan) -> AlarmHistory:
    windows = (*past.windows, breached)[-plan.windows :]
    breaches = sum(windows)
    raised = len(windows) - breaches < plan.clear if past.raised else breaches >= plan.breaches
    return AlarmHistory(windows, raised)


def follow(
    before: Checkpoint,
    windows: Iterable[WindowRecord],
    plan: AlarmPlan,
    window: WindowPlan,
    *,
    late: str | None = None,
) -> tuple[Checkpoint, tuple[Event, ...]]:
    """Return the checkpoint with the alarms after a cycle's windows, ascending, and their events.

    Every window counts once, when it is first measured: a later revision neither raises nor ends an alarm.
    Where labels come after their rows, in the column `late`, what rests on them counts apart from the rest:
    once as well, when the window has enough of them (`core/labels/remeasure.py`).
    """
    after, events = before, list[Event]()
    for measured in windows:
        is_new = before.closed is None or measured.last > before.closed
        has_labels = late is not None and remeasure.counts(after.labelling, window, measured)

        def is_counted(series: Series, new: bool = is_new, labelled: bool = has_labels) -> bool:
            return labelled if late is not None and rests_on_labels(series, late) else new

        if is_new or has_labels:
            alarms, found = step(after.alarms, measured, plan, among=is_counted)
            after, events = replace(after, alarms=alarms), [*events, *found]
        if has_labels:
            after = replace(after, labelling=replace(after.labelling, alarmed_through=measured.last))
    return after, tuple(events)


def is_open(m: Measurement) -> bool:
    """Return whether a value lies beyond its threshold and is no breach, since chance may explain it."""
    if m.series.aspect is not Aspect.PERFORMANCE or m.breached is not False:
        return False
    if m.value is None or m.threshold is None:
        return False
    centre = m.reference if m.series.metric in FROM_REFERENCE and m.reference is not None else 0.0
    return is_beyond(m.series.worse, (m.value, m.value), m.threshold, centre)


def verdicts(measurements: Sequence[Measurement]) -> Iterator[Measurement]:
    """Yield one measurement per possible alarm: those with a verdict that are not a second opinion.

    A column's drift is one alarm, whichever of its methods sees it: the first that is breached represents
    them all, or else the first.
    """
    columns: dict[str, Measurement] = {}
    for m in measurements:
        if m.breached is None or not m.decides:
            continue
        if not _is_of_column(m.series):
            yield m
        elif m.series.column not in columns or (m.breached and not columns[m.series.column].breached):
            columns[m.series.column] = m
    yield from columns.values()


def rests_on_labels(series: Series, target: str) -> bool:
    """Return whether a series has no verdict before labels have come: performance, and the target's own.

    The share of drifted columns has one without the target, and an early warning must not wait. The same
    holds for estimated metrics, and for how often a class was predicted.
    """
    if series.aspect is Aspect.PERFORMANCE:
        return series.metric not in KNOWN_AT_ONCE
    return series.column == target


def name_of(series: Series) -> AlarmName:
    """Return the alarm that a breach of `series` counts for."""
    return AlarmName(series.aspect, series.column, series.segment, series.metric, series.definition)


def _apart(value: float | None, threshold: float | None) -> tuple[str, str]:
    """Return a value and its threshold, with as many digits as it takes to tell them apart."""
    if value is None or threshold is None:
        said = "no value" if value is None else _number(value)
        return said, "its threshold" if threshold is None else _number(threshold)
    several = ((_number(value, digits), _number(threshold, digits)) for digits in range(4, MAX_DIGITS + 1))
    return next((pair for pair in several if pair[0] != pair[1]), (_number(value), _number(threshold)))


def _number(value: float, digits: int = 4) -> str:
    is_long = 10.0**digits <= abs(value) < LARGE
    return f"{value:,.0f}" if is_long else f"{value:.{digits}g}"


def _is_of_column(series: Series) -> bool:
    return series.aspect is Aspect.DRIFT and bool(series.column)


def _event(m: Measurement, window: WindowRecord, history: AlarmHistory) -> Event:
    series = m.series
    subject = " ".join(part for part in (series.column, series.segment, series.metric) if part)
    side = {Worse.HIGHER: "above", Worse.LOWER: "below", Worse.BOTH: "beyond"}[series.worse]
    windows, breaches = len(history.windows), sum(history.windows)
    value, limit = _apart(m.value, m.threshold)
    if history.raised and value == limit:  # some thresholds are breached where they are reached
        side = f"at or {side}"
    count, word = (breaches, side) if history.raised else (windows - breaches, f"no longer {side}")
    among = "the last window" if windows == 1 else f"{count} of the last {windows} windows"
    remark = f"; {m.reason}" if history.raised and m.reason else ""
    return Event(
        kind=BREACH if history.raised else RECOVERY,
        at=window.end,
        message=f"{subject}: {value}, {word} {limit} in {among}{remark}",
        column=series.column,
        metric=series.metric,
        details={
            "aspect": series.aspect.value,
            "segment": series.segment,
            "definition": series.definition,
            "value": m.value,
            "threshold": m.threshold,
            "reason": m.reason,
            "window_first": window.first,
            "window_last": window.last,
        },
    )
