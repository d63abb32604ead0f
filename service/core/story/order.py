"""The order of a window's measurements, the same on the page, in `tidegauge status` and in the story.

Dashboards sort in SQL by the same rules: a test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Aspect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.core.read_models import NewestMeasurement

    Rank = tuple[int, bool, float, str, str, str, str, str]


def rank(of: NewestMeasurement) -> Rank:
    """Return the key that sorts measurements, the most important first.

    Raised alarms and breaches that count come first, then the rest: with a threshold, with a value, without
    one. In each of these groups performance comes before the other aspects, and then the most severe first.
    """
    severity = 0.0 if of.severity is None else of.severity
    name = of.aspect.value, of.column_name, of.segment, of.metric, of.definition
    return (_group(of), of.aspect is not Aspect.PERFORMANCE, -severity, *name)


def worst_first(measurements: Iterable[NewestMeasurement]) -> list[NewestMeasurement]:
    """Return `measurements` in their order, the most important first."""
    return sorted(measurements, key=rank)


def _group(of: NewestMeasurement) -> int:
    marks = (of.alarm or of.decides, of.severity is not None, of.value is not None)
    return marks.index(True) if any(marks) else len(marks)
