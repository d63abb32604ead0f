"""Clauses of the story on one measurement: what it is of, its value, and what that is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Worse
from service.core.story import words

if TYPE_CHECKING:
    from service.core.read_models import NewestMeasurement

MIN_RATIO, MAX_RATIO = 1.05, 1_000.0  # of a value to the reference's: between them it is given as a ratio
_SIDES = {Worse.HIGHER: "above", Worse.LOWER: "below"}
CONSTANT = "constant"  # a flag: 1 is a column with one value
BY_CHANCE = "by no more than chance"


def beyond(of: NewestMeasurement) -> str:
    """Return a clause on a measurement whose breach counts, or whose alarm is raised."""
    subject = subject_of(of)
    if of.value is None:
        reason = f": {why(of.reason)}" if of.reason else ""
        last = f"{subject} was beyond its threshold when it was last judged"
        return f"{last}; the newest window has no value{reason}"
    said = words.number(of.value, of.unit)
    if not of.breached:
        still = f", {_SIDES[of.worse]} it {BY_CHANCE}" if is_by_chance(of) else ""
        return f"{subject} was beyond its threshold; in the newest window it is {said}{still}"
    if of.metric == CONSTANT and of.column_name:
        return f"{words.name(of.column_name)} has one value alone"
    return f"{subject} is {_breached(of, of.value, said)}"


def _breached(of: NewestMeasurement, value: float, said: str) -> str:
    """Return a value whose breach counts, with what it is compared with."""
    ratio = _ratio(of)
    if ratio is not None:
        return f"{said}, {words.number(ratio, digits=2)} times the reference's"
    if of.threshold is None:
        return said
    if of.worse is Worse.BOTH:  # its threshold is a distance, from 0 or from the reference
        usual = "" if of.reference is None else f" (reference {words.number(of.reference, of.unit)})"
        return f"{said}{usual}, beyond its threshold"
    return _compared(of, value, of.threshold)


def within(of: NewestMeasurement) -> str:
    """Return a clause on a measurement that is judged and not breached."""
    if of.worse is Worse.BOTH:
        return f"{subject_of(of)} is {words.number(of.value or 0.0, of.unit)}, within its threshold"
    if is_by_chance(of):
        return f"{subject_of(of)} is {_compared(of, of.value or 0.0, of.threshold or 0.0)} {BY_CHANCE}"
    value, limit = words.apart(of.value or 0.0, of.threshold or 0.0, of.unit)
    return f"{subject_of(of)} is {value}, within its threshold of {limit}"


def is_by_chance(of: NewestMeasurement) -> bool:
    """Return whether a value lies beyond its threshold, and not surely enough to be a breach."""
    if of.breached is not False or of.value is None or of.threshold is None:
        return False
    if of.worse is Worse.HIGHER:
        return of.value > of.threshold
    return of.worse is Worse.LOWER and of.value < of.threshold


def _compared(of: NewestMeasurement, value: float, threshold: float) -> str:
    """Return a value that is not within its threshold, and on which side it lies: some are only reached."""
    said, limit = words.apart(value, threshold, of.unit)
    if said == limit:
        return f"{said}, at its threshold"
    return f"{said}, {_SIDES[of.worse]} its threshold of {limit}"


def why(reason: str) -> str:
    """Return the first of the reasons why there is no value."""
    return words.name(reason.partition("; ")[0], words.MAX_REASON)


def subject_of(of: NewestMeasurement) -> str:
    """Return what a measurement is of: its metric, its column, its segment."""
    column = f" of {words.name(of.column_name)}" if of.column_name else ""
    segment = f" at {words.segment(of.segment)}" if of.segment else ""
    return f"{words.metric(of.metric)}{column}{segment}"


def _ratio(of: NewestMeasurement) -> float | None:
    comparable = of.aspect is Aspect.PERFORMANCE and of.worse is Worse.HIGHER and of.unit != "share"
    if not comparable or of.value is None or of.reference is None or of.reference <= 0.0:
        return None
    ratio = of.value / of.reference
    return ratio if MIN_RATIO <= ratio <= MAX_RATIO else None


def is_of_column(of: NewestMeasurement) -> bool:
    """Return whether a measurement is of one column's drift, whose metric says little to a reader."""
    return of.aspect is Aspect.DRIFT and bool(of.column_name)


def drifted(of: NewestMeasurement) -> str:
    """Return a clause on the drift of one column."""
    return f"{words.name(of.column_name)} has drifted"
