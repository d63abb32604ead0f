"""The one order in which measurements are shown: the worst first, performance before the other aspects."""

from __future__ import annotations

from typing import Protocol

from service.core.measurement import Aspect

ASPECTS = (Aspect.PERFORMANCE, Aspect.DRIFT, Aspect.QUALITY, Aspect.HEALTH)  # the most important first
_RANKS = {aspect: rank for rank, aspect in enumerate(ASPECTS)}


class Judged(Protocol):
    """A measurement with its verdict; see `NewestMeasurement`."""

    @property
    def aspect(self) -> Aspect:
        """The aspect it belongs to."""
        ...

    @property
    def value(self) -> float | None:
        """Its value."""
        ...

    @property
    def severity(self) -> float | None:
        """1 at the threshold, higher is worse."""
        ...

    @property
    def breached(self) -> bool | None:
        """Whether it is beyond its threshold."""
        ...

    @property
    def alarm(self) -> bool:
        """Whether it represents a raised alarm."""
        ...

    @property
    def decides(self) -> bool:
        """Whether it is breached and its breach counts."""
        ...


def order_of(measurement: Judged) -> tuple[int, int, float]:
    """Return the sort key of a measurement: ascending, the worst comes first.

    Alarms come first, then breaches that count, then second opinions beyond their thresholds, then
    measurements within their thresholds or without one, and last those without a value. In each group
    performance comes first, and the more severe before the less severe.
    """
    if measurement.alarm:
        group = 0
    elif measurement.decides:
        group = 1
    elif is_second_opinion(measurement):
        group = 2
    else:
        group = 3 if measurement.value is not None else 4
    severity = -1.0 if measurement.severity is None else measurement.severity
    return group, _RANKS[measurement.aspect], -severity


def is_second_opinion(measurement: Judged) -> bool:
    """Return whether a measurement is beyond its threshold and raises no alarm of its own."""
    return bool(measurement.breached) and not measurement.alarm and not measurement.decides
