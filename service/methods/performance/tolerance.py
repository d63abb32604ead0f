"""An anytime-valid test of a metric against a tolerance: evidence that is counted day by day.

The evidence starts at 1 and is multiplied by 1 + b (L / m - 1) with every finished day, where L is the day's
mean loss, m the level that is tolerated, and b between 0 and 1 the stake. While the mean loss that is to be
expected of a day, given all days before it, stays at m or below, no stake can be expected to gain: the
chance that the evidence *ever* reaches 1 / alpha is alpha at most, however often one looks (J. Ville, "Étude
critique de la notion de collectif", 1939; A. Podkopaev and A. Ramdas, "Tracking the risk of a deployed model
and detecting harmful distribution shifts", 2021). No bound on the loss is needed, as it is never negative and
only larger losses count as evidence; one day counts at most as `MAX_LOSS` times the level, which can only
lower the evidence. The evidence is the mean over a grid of stakes, which is as valid as each of them.

The level is the upper 95 % bound of the reference's own figure plus what the tolerance adds. An alarm ends
when the mean loss of the last days lies within the tolerance; a new episode then begins with evidence of 1,
and with a promise of its own. The day from which on it was worse follows from the same products, each
restarted whenever it is below 1 (J. Shin, A. Ramdas and A. Rinaldo, "E-detectors", 2023).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from service.core.exact.sums import to_float
from service.core.measurement import Worse
from service.core.profile.outcome.outcome_days import end_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.methods.performance.block_spread import Spread
    from service.methods.performance.metric import AnyMetric

    Days = Mapping[int, tuple[int, ...]]

STAKES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
EVEN = (1.0,) * len(STAKES)
MAX_LOSS = 5.0  # of a day, in levels
LARGEST = 1e100
RECENT_DAYS = 7
DAYS_REMEMBERED = 60


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse than the reference a metric may be.

    by: how much, as a share of the reference's figure where `relative`, else in the metric's unit.
    """

    by: float
    relative: bool = False

    def __str__(self) -> str:
        """Return it as it is written in a monitor file."""
        return f"{100.0 * self.by:g}%" if self.relative else f"{self.by:g}"


@dataclass(frozen=True, slots=True)
class ToleranceTest:
    """A metric's test.

    Attributes:
        metric: The metric.
        place: Where its loss is among those of the task.
        tolerance: What is tolerated.
        alpha: The chance of a false alarm, ever.
        level: The tolerated mean loss; None where there is none.
        reason: Why there is no level.

    """

    metric: AnyMetric
    place: int
    tolerance: Tolerance
    alpha: float
    level: float | None = None
    reason: str | None = None

    @property
    def mark(self) -> str:
        """A text that changes with anything that makes earlier evidence void."""
        return f"{self.metric.name}:{self.alpha!r}:{self.level!r}"


def level_of(spread: Spread, tolerance: Tolerance) -> float:
    """Return the mean loss that is tolerated; that of a metric that is better when higher is 1 less it."""
    low, high = spread.own_bounds()
    more = tolerance.by * (abs(spread.value) if tolerance.relative else 1.0)
    return (1.0 - low if spread.metric.worse is Worse.LOWER else high) + more


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far a test has come.

    Attributes:
        mark: That of the test.
        wealth: The product of each stake since the episode began.
        restarted: The product of each stake that restarts below 1.
        since: The day from which each of these has run; None before the first.
        recent: The mean losses of the last days.
        through: The last day that was counted.
        opened: The rows and the exact sum of losses of days that are not over.
        late_rows: The rows that came for days that had been counted; they are left out.
        raised: Whether the episode has reached its alarm.
        history: By day, the evidence after it (its decimal logarithm) and whether it was raised.

    """

    mark: str = ""
    wealth: tuple[float, ...] = EVEN
    restarted: tuple[float, ...] = EVEN
    since: tuple[int | None, ...] = (None,) * len(STAKES)
    recent: tuple[float, ...] = ()
    through: int | None = None
    opened: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    late_rows: int = 0
    raised: bool = False
    history: tuple[tuple[int, float, bool], ...] = ()

    @property
    def value(self) -> float:
        """The evidence, as a decimal logarithm."""
        return math.log10(sum(self.wealth) / len(self.wealth))

    @property
    def onset(self) -> int | None:
        """The day from which on it was probably worse; None where nothing speaks for it."""
        best = max(range(len(STAKES)), key=lambda place: self.restarted[place])
        return self.since[best] if self.restarted[best] > 1.0 else None

    def encode(self) -> str:
        """Return it as text."""
        opened = [[day, rows, f"{total:x}"] for day, (rows, total) in self.opened.items()]
        form = [self.mark, self.wealth, self.restarted, self.since, self.recent, self.through, opened]
        return json.dumps([*form, self.late_rows, self.raised, self.history])

    @classmethod
    def decode(cls, text: str) -> Evidence:
        """Return what `encode` wrote."""
        form: list[Any] = json.loads(text)
        mark, wealth, restarted, since, recent, through, opened, late_rows, raised, history = form
        return cls(
            mark,
            tuple(wealth),
            tuple(restarted),
            tuple(since),
            tuple(recent),
            through,
            {day: (rows, int(total, 16)) for day, rows, total in opened},
            late_rows,
            raised,
            tuple((day, value, mark) for day, value, mark in history),
        )


def follow(test: ToleranceTest, before: Evidence, fresh: Iterable[Days], until: int | None) -> Evidence:
    """Return the evidence after `fresh` losses, every day counted that is over at the instant `until`.

    Each row comes once. Evidence of another test starts again; a test without a level has none.
    """
    if test.level is None:
        return Evidence(test.mark)
    evidence = before if before.mark == test.mark else Evidence(test.mark, through=before.through)
    evidence = _taken(evidence, fresh, test.place)
    over = [] if until is None else sorted(day for day in evidence.opened if end_of(day) <= until)
    for day in over:
        rows, total = evidence.opened[day]
        evidence = _counted(evidence, day, to_float(total, rows) / test.level, test.alpha)
    left = {day: held for day, held in evidence.opened.items() if day not in over}
    return replace(evidence, opened=left)


def _taken(evidence: Evidence, fresh: Iterable[Days], place: int) -> Evidence:
    opened, late = dict(evidence.opened), evidence.late_rows
    for days in fresh:
        for day, counts in days.items():
            rows, total = counts[2 * place], counts[2 * place + 1]
            if evidence.through is not None and day <= evidence.through:
                late += rows
            elif rows:
                known = opened.get(day, (0, 0))
                opened[day] = known[0] + rows, known[1] + total
    return replace(evidence, opened=dict(sorted(opened.items())), late_rows=late)


def _counted(before: Evidence, day: int, loss: float, alpha: float) -> Evidence:
    # `loss` is the day's mean in levels.
    factors = [1.0 + stake * (min(loss, MAX_LOSS) - 1.0) for stake in STAKES]
    wealth = tuple(min(held * by, LARGEST) for held, by in zip(before.wealth, factors, strict=True))
    since = tuple(
        from_day if held > 1.0 else day for held, from_day in zip(before.restarted, before.since, strict=True)
    )
    restarted = tuple(
        min(max(held, 1.0) * by, LARGEST) for held, by in zip(before.restarted, factors, strict=True)
    )
    recent = (*before.recent, loss)[-RECENT_DAYS:]
    raised = before.raised or sum(wealth) / len(wealth) >= 1.0 / alpha
    after = replace(
        before,
        wealth=wealth,
        restarted=restarted,
        since=since,
        recent=recent,
        through=day,
        raised=raised,
    )
    if before.raised and len(recent) == RECENT_DAYS and sum(recent) <= RECENT_DAYS:
        after = replace(after, wealth=EVEN, restarted=EVEN, since=Evidence().since, raised=False)
    history = (*before.history, (day, after.value, after.raised))[-DAYS_REMEMBERED:]
    return replace(after, history=history)
