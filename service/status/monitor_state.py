"""Judge a monitor by its newest window, its alarms and how its cycles go, in all and by aspect.

What counts as a breach is decided where alarms are (`methods/alarm.py`) and read back from the checkpoint: a
column's second drift method may lie beyond its threshold without a verdict of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from service.core.measurement import Aspect
from service.core.story import story, words
from service.core.story.facts import Facts
from service.core.time_units import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from service.core.read_models import (
        MeasuredWindow,
        NewestMeasurement,
        NewestWindow,
        RaisedAlarm,
    )

ASPECTS = (Aspect.PERFORMANCE, Aspect.DRIFT, Aspect.QUALITY, Aspect.HEALTH)  # the most important first


class Verdict(StrEnum):
    """What can be said of an aspect or a monitor."""

    ALARM = "alarm"  # enough of the last windows are beyond a threshold, or the cycles are in trouble
    BREACH = "breach"  # the newest window is beyond a threshold, too few before it were
    FINE = "fine"  # all measurements are within their thresholds
    UNJUDGED = "unjudged"  # there are measurements, none has a threshold
    UNMEASURED = "unmeasured"  # nothing could be measured, and there is a reason
    WAITING = "waiting"  # no window was measured yet
    ABSENT = "absent"  # the monitor does not measure it


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleStatus:
    """A monitor and how its cycles go.

    - `cycle_seconds`: from cycle to cycle; 0 is as fast as it goes
    - `cycles`: since the service started
    - `finished`: whether its source is exhausted or its cycles are done
    - `last_cycle`: when the last good cycle ended
    - `waits`: why its last cycle took nothing, as what it needs has not come yet; else empty
    - `replica`: the process that runs its cycles; None where there is one alone, or none runs them
    """

    name: str
    description: str
    cycle_seconds: float
    cycles: int
    failures_in_a_row: int
    finished: bool
    last_cycle: datetime | None
    waits: str = ""
    replica: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectState:
    """One aspect of a monitor.

    - `since`: event time of the oldest alarm that is raised
    - `breaches`: of the newest window, those that count
    - `numbers`, `gaps`: its measurements with and without a value
    - `reason`: why there is no value, or what is wrong with the cycles
    - `headline`: the worst measurement, else the first with a reference
    """

    aspect: Aspect
    verdict: Verdict
    since: datetime | None
    alarms: int
    breaches: int
    numbers: int
    gaps: int
    reason: str | None
    headline: NewestMeasurement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSummary(CycleStatus):
    """A monitor's state, since when, and why by aspect, also in words (`story`); `window` is the newest."""

    verdict: Verdict
    story: str
    since: datetime | None
    window: MeasuredWindow | None
    aspects: list[AspectState]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorState(MonitorSummary):
    """A monitor's state with every alarm that is raised."""

    alarms: list[RaisedAlarm]


def monitor_state(
    cycles: CycleStatus,
    newest: NewestWindow,
    alarms: Sequence[RaisedAlarm],
    trouble: str | None,
    *,
    halt: str = "",
) -> MonitorState:
    """Return a monitor's state.

    `trouble` is what is wrong with its cycles, None where nothing is; `halt` says in a sentence that none
    works because of it.
    """
    told = story.tell(Facts(newest=newest, alarms=alarms))
    said = told.text
    if halt:
        said = story.in_trouble(halt, told)
    elif cycles.waits:
        said = story.waiting(cycles.waits)
    elif trouble is not None:
        said = f"{words.sentence(words.name(trouble, words.MAX_REASON))} {told.text}"
    aspects = [_aspect_state(aspect, newest, alarms) for aspect in ASPECTS]
    if cycles.finished and newest.window is None:
        aspects = [_never_measured(state, cycles) for state in aspects]
    if cycles.waits:
        aspects = [_waits(state, cycles.waits) for state in aspects]
    verdicts = [state.verdict for state in aspects]  # that the cycles run judges no measurement
    if trouble is not None:
        verdicts.append(Verdict.ALARM)
    aspects = [_with_cycles(state, trouble) if state.aspect is Aspect.HEALTH else state for state in aspects]
    return MonitorState(
        name=cycles.name,
        description=cycles.description,
        cycle_seconds=cycles.cycle_seconds,
        cycles=cycles.cycles,
        failures_in_a_row=cycles.failures_in_a_row,
        finished=cycles.finished,
        last_cycle=cycles.last_cycle,
        waits=cycles.waits,
        replica=cycles.replica,
        verdict=_worst(verdicts, waiting=newest.window is None),
        since=_earliest(alarm.since for alarm in alarms),
        window=newest.window,
        aspects=aspects,
        story=said,
        alarms=sorted(alarms, key=lambda alarm: (alarm.since is None, alarm.since or EPOCH)),
    )


def _never_measured(aspect: AspectState, cycles: CycleStatus) -> AspectState:
    # Nothing will follow: it waits for nothing, and says so.
    if aspect.verdict is not Verdict.WAITING:
        return aspect
    done = "its cycle is done" if cycles.cycles == 1 else f"its {cycles.cycles} cycles are done"
    reason = f"{done}, and no window was complete by then"
    return replace(aspect, verdict=Verdict.UNMEASURED, reason=reason)


def _waits(aspect: AspectState, reason: str) -> AspectState:
    return replace(aspect, verdict=Verdict.WAITING, reason=reason)


def _with_cycles(health: AspectState, trouble: str | None) -> AspectState:
    if trouble is not None:
        return replace(health, verdict=Verdict.ALARM, reason=trouble)
    if health.verdict is Verdict.UNJUDGED:  # the cycles run, and no threshold asks more of them
        return replace(health, verdict=Verdict.FINE)
    return health


def _aspect_state(aspect: Aspect, newest: NewestWindow, alarms: Sequence[RaisedAlarm]) -> AspectState:
    own = [each for each in newest.measurements if each.aspect is aspect]
    measured = [each for each in own if each.value is not None]
    reasons = Counter(each.reason for each in own if each.value is None)
    raised = [alarm for alarm in alarms if alarm.aspect is aspect]
    # The headline is an alarm, else a breach that counts, else within its threshold, else has a reference; in
    # each group the most severe comes first. A breach that does not count would contradict the verdict.
    compared = [each for each in measured if each.reference is not None]
    judged = [each for each in measured if each.severity is not None]
    within = [each for each in judged if not each.breached]
    alarming = [each for each in judged if each.alarm]
    breached = [each for each in judged if each.decides]
    return AspectState(
        aspect=aspect,
        verdict=_verdict(own, newest.window, raised=bool(raised), breached=bool(breached)),
        since=_earliest(alarm.since for alarm in raised),
        alarms=len(raised),
        breaches=len(breached),
        numbers=len(measured),
        gaps=len(own) - len(measured),
        reason=reasons.most_common(1)[0][0] if reasons and not measured else None,
        headline=next(iter(alarming or breached or within or judged or compared), None),
    )


def _verdict(
    own: Sequence[NewestMeasurement], window: MeasuredWindow | None, *, raised: bool, breached: bool
) -> Verdict:
    if raised:
        return Verdict.ALARM
    if breached:
        return Verdict.BREACH
    measured = [each for each in own if each.value is not None]
    if any(each.breached is not None for each in measured):
        return Verdict.FINE
    if measured:
        return Verdict.UNJUDGED
    if own:
        return Verdict.UNMEASURED
    return Verdict.WAITING if window is None else Verdict.ABSENT


def _worst(verdicts: Sequence[Verdict], *, waiting: bool) -> Verdict:
    """Return the verdict on the whole monitor: an aspect that says little hides none that says more."""
    bad = (Verdict.ALARM, Verdict.BREACH)
    # Before the first window the cycles' own health says nothing of the model.
    rest = (Verdict.WAITING,) if waiting else (Verdict.FINE, Verdict.UNJUDGED)
    order = (*bad, *rest, Verdict.UNMEASURED)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.WAITING)


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)
