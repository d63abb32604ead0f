"""How a monitor stands: is it fine, since when not, why? Said by aspect, from its newest window.

What counts as a breach is decided where alarms are (`methods/alarm.py`) and read back from the checkpoint: a
column's second drift method may lie beyond its threshold without a verdict of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from service.core.measurement import Aspect
from service.methods import alarm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    Row = Mapping[str, Any]

NAMES = ("aspect", "column_name", "segment", "metric", "definition")  # together, which series it is
_WINDOW = ("window_start", "window_end", "revision", "rows", "computed_at")


class Verdict(StrEnum):
    """What can be said of an aspect."""

    ALARM = (
        "alarm"  # enough of the last windows were beyond a threshold, or the cycles themselves are in trouble
    )
    BREACH = "breach"  # the newest window is beyond a threshold, too few before it were
    FINE = "fine"
    UNJUDGED = "unjudged"  # there are numbers, none has a threshold
    UNMEASURED = "unmeasured"  # no number could be measured, and there is a reason
    WAITING = "waiting"  # no window was measured yet
    ABSENT = "absent"  # the monitor does not measure it


@dataclass(frozen=True, slots=True)
class Newest:
    """A monitor's newest window; `window` is None before the first.

    `rows` are its measurements, the most severe first, each with `alarm`, whether it stands for a raised
    alarm, and `decides`, whether it is breached and its breach counts. `raised` are the alarms' own names.
    """

    window: Row | None
    rows: Sequence[dict[str, Any]]
    raised: frozenset[str]


def newest_of(window: Row | None, rows: Sequence[Row], alarms: Mapping[str, str]) -> Newest:
    """Mark `rows` by the alarms of a checkpoint; see `methods/alarm.py` for their form.

    Several rows may share an alarm, as a column's drift methods do: as there, the first that is breached
    stands for all, or else the first; `id` says which was measured first.
    """
    raised = frozenset(key for key, seen in alarms.items() if seen.endswith("!"))
    breached = {key for key, seen in alarms.items() if seen.removesuffix("!").endswith("x")}
    voices: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (not row["breached"], row.get("id") or 0)):
        voices.setdefault(_alarm_of(row), row)
    marked = []
    for row in rows:
        key = _alarm_of(row)
        stands = voices[key] is row
        marks = {"alarm": stands and key in raised, "decides": stands and key in breached}
        marked.append({name: value for name, value in row.items() if name != "id"} | marks)
    return Newest(window, marked, raised)


def key_of(row: Row) -> str:
    """Return the name of a measurement's series."""
    return "|".join(str(row[name]) for name in NAMES)


def _alarm_of(row: Row) -> str:
    return alarm.name_of(*(str(row[name]) for name in NAMES))


def raised_series(newest: Newest) -> list[dict[str, str]]:
    """Return which series the raised alarms stand for, by `NAMES`; ordered."""
    known = {_alarm_of(row): {name: str(row[name]) for name in NAMES} for row in newest.rows if row["alarm"]}
    return [known.get(key) or _parted(key) for key in sorted(newest.raised)]


def monitor_state(
    cycles: Row, newest: Newest, alarms: Sequence[dict[str, Any]], trouble: str | None
) -> dict[str, Any]:
    """Return a monitor's state, JSON-able but for its instants.

    `cycles` says how its cycles go and `trouble` what is wrong with them; `alarms` are the raised series with
    `since` (event time, None where it is not known) and `message`.
    """
    aspects = [_aspect_state(aspect, newest, alarms) for aspect in Aspect]
    health = next(state for state in aspects if state["aspect"] == Aspect.HEALTH)
    if trouble is not None:
        health |= {"verdict": Verdict.ALARM, "reason": trouble}
    elif health["verdict"] == Verdict.UNJUDGED:
        health |= {"verdict": Verdict.FINE}  # the cycles run, and nobody asked more of them
    window = newest.window
    return {
        **cycles,
        "verdict": _worst([state["verdict"] for state in aspects], waiting=window is None),
        "since": _earliest(alarm["since"] for alarm in alarms),
        "window": None if window is None else {name: window[name] for name in _WINDOW},
        "aspects": aspects,
        "alarms": sorted(alarms, key=lambda alarm: (alarm["since"] is None, alarm["since"])),
    }


def _aspect_state(aspect: Aspect, newest: Newest, alarms: Sequence[Row]) -> dict[str, Any]:
    own = [row for row in newest.rows if row["aspect"] == aspect]
    numbers = [row for row in own if row["value"] is not None]
    reasons = Counter(row["reason"] for row in own if row["value"] is None)
    raised = [alarm for alarm in alarms if alarm["aspect"] == aspect]
    # Of what is an alarm, else a breach that counts, else within its threshold, else has a reference; in each
    # the most severe stands first. A breach that does not count would contradict the verdict.
    compared = [row for row in numbers if row["reference"] is not None]
    judged = [row for row in numbers if row["severity"] is not None]
    within = [row for row in judged if not row["breached"]]
    alarming, breached = ([row for row in judged if row[mark]] for mark in ("alarm", "decides"))
    return {
        "aspect": aspect,
        "verdict": _verdict(own, newest.window, raised=bool(raised), breached=bool(breached)),
        "since": _earliest(alarm["since"] for alarm in raised),
        "alarms": len(raised),
        "breaches": len(breached),
        "numbers": len(numbers),
        "gaps": len(own) - len(numbers),
        "reason": reasons.most_common(1)[0][0] if reasons and not numbers else None,
        "headline": next(iter(alarming or breached or within or judged or compared), None),
    }


def _verdict(own: Sequence[Row], window: Row | None, *, raised: bool, breached: bool) -> Verdict:
    if raised:
        return Verdict.ALARM
    if breached:
        return Verdict.BREACH
    numbers = [row for row in own if row["value"] is not None]
    if any(row["breached"] is not None for row in numbers):
        return Verdict.FINE
    if numbers:
        return Verdict.UNJUDGED
    if own:
        return Verdict.UNMEASURED
    return Verdict.WAITING if window is None else Verdict.ABSENT


def _worst(verdicts: Sequence[Verdict], *, waiting: bool) -> Verdict:
    """Return what the whole monitor is: an aspect that says little hides none that says more."""
    bad = (Verdict.ALARM, Verdict.BREACH)
    order = (*bad, Verdict.WAITING) if waiting else (*bad, Verdict.FINE, Verdict.UNJUDGED, Verdict.UNMEASURED)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.WAITING)


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _parted(key: str) -> dict[str, str]:
    # Of what the newest window did not measure. A column's name may hold the separator.
    aspect, rest = key.split("|", 1)
    behind = rest.rsplit("|", len(NAMES) - 2)
    parts = behind if len(behind) == len(NAMES) - 1 else [rest, "", "", ""]
    return dict(zip(NAMES, [aspect, *parts], strict=True))
