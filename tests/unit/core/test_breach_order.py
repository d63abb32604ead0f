from __future__ import annotations

from dataclasses import dataclass

from service.core.breach_order import order_of
from service.core.measurement import Aspect


@dataclass(frozen=True)
class Row:
    name: str
    aspect: Aspect
    severity: float | None = None
    value: float | None = 1.0
    breached: bool | None = None
    alarm: bool = False
    decides: bool = False


WORST_FIRST = [
    Row("an alarm of performance", Aspect.PERFORMANCE, 1.2, breached=True, alarm=True, decides=True),
    Row("a worse one of drift", Aspect.DRIFT, 90.0, breached=True, alarm=True, decides=True),
    Row("a milder one of drift", Aspect.DRIFT, 2.0, breached=True, alarm=True, decides=True),
    Row("an alarm whose newest window was clear", Aspect.QUALITY, 0.5, breached=False, alarm=True),
    Row("a breach of performance", Aspect.PERFORMANCE, 1.1, breached=True, decides=True),
    Row("a breach of quality", Aspect.QUALITY, 50.0, breached=True, decides=True),
    Row("a second opinion", Aspect.DRIFT, 99.0, breached=True),
    Row("performance within its threshold", Aspect.PERFORMANCE, 0.3, breached=False),
    Row("performance without a threshold", Aspect.PERFORMANCE),
    Row("drift within its threshold", Aspect.DRIFT, 0.9, breached=False),
    Row("performance without a value", Aspect.PERFORMANCE, value=None),
]


def test_the_worst_comes_first_and_performance_before_the_rest() -> None:
    """Alarms, breaches that count, second opinions, the rest, no value; performance first in each group."""
    shuffled = WORST_FIRST[::-2] + WORST_FIRST[-2::-2]
    assert [row.name for row in sorted(shuffled, key=order_of)] == [row.name for row in WORST_FIRST]
