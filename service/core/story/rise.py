"""Why and where the mean absolute error rose, and the column to look at first, where a window says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Aspect
from service.core.story import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from service.core.read_models import NewestMeasurement
    from service.core.story.facts import Facts

ERROR = "mae"
CHANGE = "error_change"  # of ERROR against the reference; its parts add up to it
MIN_PART = 0.5  # of the rise, from which a part or a segment is most of it
MIN_COLUMN_PART = 0.25  # of the rise, from which a column that explains it is named
NOTABLE = 1.15  # times its share of the rows, from which a segment's share of the rise is worth a word
WHOLE = 0.995  # of the rise, from which a part is all of it

MAX_OTHER = 0.25  # of the rise, up to which the inputs or the relation are said to be no part of it

_CONCEPT, _DATA, _UNSEEN = f"{CHANGE}_concept", f"{CHANGE}_data", f"{CHANGE}_unseen"
_PARTS = {_CONCEPT: "the relation", _DATA: "the inputs", _UNSEEN: "rows unlike any in the reference"}
_OTHERS = {_CONCEPT: _DATA, _DATA: _CONCEPT}


def sentences(facts: Facts, worst: NewestMeasurement) -> list[str]:
    """Return what can be said of the rise of `worst`; nothing where that is not the error of all rows."""
    measured = facts.newest.measurements
    rise = _change(measured)
    if worst.metric != ERROR or worst.segment or not worst.breached or rise is None or rise <= 0.0:
        return []
    place, column = _where(measured), _column(facts, worst, rise)
    said = [_why(measured, rise)]
    if place and column:
        said.append(f"{place}; {column}")
    else:
        said += [place, column]
    return [words.sentence(each) for each in said if each]


def _change(measured: Sequence[NewestMeasurement]) -> float | None:
    whole = (each for each in measured if not each.column_name and not each.segment)
    return next((each.value for each in whole if each.metric == CHANGE), None)


def _why(measured: Sequence[NewestMeasurement], rise: float) -> str:
    """Return which part of the rise is half of it or more; nothing where parts cancel each other out."""
    whole = [each for each in measured if each.metric in _PARTS and not each.column_name and not each.segment]
    sure = [each for each in whole if _is_sure(each) and (each.value or 0.0) >= MIN_PART * rise]
    if not sure:
        return ""
    part = max(sure, key=lambda each: each.value or 0.0).metric
    shares = {each.metric: (each.value or 0.0) / rise for each in whole}
    is_all = shares[part] >= WHOLE
    said = (
        f"{'all' if is_all else words.number(shares[part], 'share', digits=2)} of the rise is {_PARTS[part]}"
    )
    if part not in _OTHERS:
        return said
    other = _OTHERS[part]
    if shares.get(other, 0.0) <= MAX_OTHER:
        return f"{said}, not {_PARTS[other]}"
    return "" if is_all else f"{said}, {words.number(shares[other], 'share', digits=2)} {_PARTS[other]}"


def _where(measured: Sequence[NewestMeasurement]) -> str:
    """Return the segment with the largest share of the rise, where its share of the rows is smaller."""
    best = ""
    errors = [each for each in measured if each.metric == ERROR and each.segment]
    for column in sorted({each.segment.partition("=")[0] for each in errors}):
        own = [each for each in errors if each.segment.partition("=")[0] == column]
        rises = {each.segment: _rise_of(each) for each in own}
        whole, rows = sum(rises.values()), sum(each.rows for each in own)
        top = max(own, key=lambda each: rises[each.segment])
        share = rises[top.segment] / whole if whole > 0.0 else 0.0
        if len(own) < 2 or any(each.value is None or each.reference is None for each in own):  # noqa: PLR2004
            continue
        if share < NOTABLE * top.rows / rows:
            continue
        much = "most of it" if share > MIN_PART else "the largest part of it"
        best = best or f"{much} at {words.segment(top.segment)}"
    return best


def _rise_of(segment: NewestMeasurement) -> float:
    if segment.value is None or segment.reference is None:
        return 0.0
    return (segment.value - segment.reference) * segment.rows


def _column(facts: Facts, worst: NewestMeasurement, rise: float) -> str:
    """Return which column to look at first: one that drifted, and explains the rise or drifted before it.

    The error is split by the model's inputs, so that neither the prediction nor the target is named.
    """
    drifted = {each.column_name for each in facts.of(Aspect.DRIFT) if each.column_name and each.decides}
    split = [each for each in facts.newest.measurements if each.metric == _DATA and each.column_name]
    drifted &= {each.column_name for each in split} or drifted
    explaining = [each for each in split if each.column_name in drifted and _is_sure(each)]
    best = max(explaining, key=lambda each: each.value or 0.0, default=None)
    if best is not None and (best.value or 0.0) >= MIN_COLUMN_PART * rise:
        return f"look at {words.name(best.column_name)} first"
    before = _drifted_before(facts, facts.since(worst), drifted)
    return f"look at {words.name(before)} first" if before else ""


def _drifted_before(facts: Facts, when: datetime | None, drifted: set[str]) -> str:
    """Return the drifted column whose alarm was raised last before `when`, the most severe of several."""
    found, latest = "", None
    for each in facts.of(Aspect.DRIFT):  # the most severe first
        since = facts.since(each) if each.alarm and each.column_name in drifted else None
        if when is not None and since is not None and since <= when and (latest is None or since > latest):
            found, latest = each.column_name, since
    return found


def _is_sure(part: NewestMeasurement) -> bool:
    """Return whether a part of the rise is positive, and its band too where it has one."""
    return part.value is not None and part.value > 0.0 and (part.low is None or part.low > 0.0)
