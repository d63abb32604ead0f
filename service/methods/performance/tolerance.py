"""An anytime-valid test of a metric against a tolerance: evidence that is counted day by day.

The evidence starts at 1 and is multiplied by 1 + b (L / m - 1) with every finished day, where L is the day's
mean loss, m the level that is tolerated, and b between 0 and 1 the stake, chosen from the days before. While
the mean loss that is to be expected of a day, given all days before it, stays at m or below, no stake can be
expected to gain: the chance that the evidence *ever* reaches 1 / alpha is alpha at most, however often one
looks (J. Ville, "Étude critique de la notion de collectif", 1939; A. Podkopaev and A. Ramdas, "Tracking the
risk of a deployed model and detecting harmful distribution shifts", 2021). No bound on the loss is needed, as
it is never negative and only larger losses count as evidence; one day counts at most as `MAX_LOSS` times the
level, which can only lower the evidence.

The stake is that which would have gained most on the last days (I. Waudby-Smith and A. Ramdas, "Estimating
means of bounded random variables by betting", 2024: the approximation aGRAPA), and 0 while their mean lies
within the tolerance: a good year costs nothing, so that what comes after it is found as soon as after a week.

The level is the upper 95 % bound of the reference's own figure plus what the tolerance adds. An alarm ends
when the mean loss of the last days lies within the tolerance; a new episode then begins with evidence of 1,
and with a promise of its own. The day from which on it was worse is the last one on which a
product of constant stakes began again at 1 (J. Shin, A. Ramdas and A. Rinaldo, "E-detectors", 2023).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from service.core.exact.sums import to_float
from service.core.measurement import Worse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.methods.performance.block_spread import Spread
    from service.methods.performance.metric import AnyMetric

    Days = Mapping[int, tuple[int, ...]]

MAX_STAKE = 0.9
HALF_LIFE = 7.0  # days, of what the stake is chosen by
# What is expected before the first days: as many of this mean and this variance, in levels.
PRIOR_DAYS, PRIOR_MEAN, PRIOR_VARIANCE = 2.0, 0.8, 0.09
MIN_VARIANCE = 1e-4
ONSET_STAKE = 0.5
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
        wealth: The product since the episode began: the evidence.
        restarted: The product of constant stakes, which restarts at 1.
        since: The day from which on that has run; None before the first.
        moments: The days' weight, and the weighted sums of their losses and of these squared.
        recent: The mean losses of the last days, in levels.
        through: The last day that was counted.
        opened: The rows and the exact sum of losses of days that are not over.
        late_rows: The rows that came for days that had been counted; they are left out.
        raised: Whether the episode has reached its alarm.
        history: By day, the evidence after it (its decimal logarithm) and whether it was raised.

    """

    mark: str = ""
    wealth: float = 1.0
    restarted: float = 1.0
    since: int | None = None
    moments: tuple[float, float, float] = (0.0, 0.0, 0.0)
    recent: tuple[float, ...] = ()
    through: int | None = None
    opened: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    late_rows: int = 0
    raised: bool = False
    history: tuple[tuple[int, float, bool], ...] = ()

    @property
    def value(self) -> float:
        """The evidence, as a decimal logarithm."""
        return math.log10(self.wealth)

    @property
    def onset(self) -> int | None:
        """The day from which on it was probably worse; None where nothing speaks for it."""
        return self.since if self.restarted > 1.0 else None

    @property
    def stake(self) -> float:
        """The stake of the next day."""
        weight, total, squares = self.moments
        days = weight + PRIOR_DAYS
        mean = (total + PRIOR_DAYS * PRIOR_MEAN) / days
        square = (squares + PRIOR_DAYS * (PRIOR_MEAN**2 + PRIOR_VARIANCE)) / days
        gain = mean - 1.0
        if gain <= 0.0:
            return 0.0
        return min(gain / (max(square - mean**2, MIN_VARIANCE) + gain**2), MAX_STAKE)

    def encode(self) -> str:
        """Return it as text."""
        opened = [[day, rows, f"{total:x}"] for day, (rows, total) in self.opened.items()]
        form = [self.mark, self.wealth, self.restarted, self.since, self.moments, self.recent, self.through]
        return json.dumps([*form, opened, self.late_rows, self.raised, self.history])

    @classmethod
    def decode(cls, text: str) -> Evidence:
        """Return what `encode` wrote."""
        form: list[Any] = json.loads(text)
        mark, wealth, restarted, since, moments, recent, through, opened, late_rows, raised, history = form
        weight, total, squares = moments
        return cls(
            mark,
            wealth,
            restarted,
            since,
            (weight, total, squares),
            tuple(recent),
            through,
            {day: (rows, int(total, 16)) for day, rows, total in opened},
            late_rows,
            raised,
            tuple((day, value, mark) for day, value, mark in history),
        )


def follow(test: ToleranceTest, before: Evidence, fresh: Iterable[Days], until: int | None) -> Evidence:
    """Return the evidence after `fresh` losses, every day counted up to the day `until`, which is over.

    Each row comes once. Evidence of another test starts again; a test without a level has none.
    """
    if test.level is None:
        return Evidence(test.mark)
    evidence = before
    if before.mark != test.mark:
        evidence = Evidence(test.mark, through=before.through, opened=before.opened)
    evidence = _taken(evidence, fresh, test.place)
    over = [] if until is None else sorted(day for day in evidence.opened if day <= until)
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
    loss = min(loss, MAX_LOSS)
    factor = 1.0 + before.stake * (loss - 1.0)
    wealth = min(before.wealth * factor, LARGEST)
    weight, total, squares = (0.5 ** (1.0 / HALF_LIFE) * each for each in before.moments)
    recent = (*before.recent, loss)[-RECENT_DAYS:]
    after = replace(
        before,
        wealth=wealth,
        restarted=min(max(before.restarted, 1.0) * (1.0 + ONSET_STAKE * (loss - 1.0)), LARGEST),
        since=before.since if before.restarted > 1.0 else day,
        moments=(weight + 1.0, total + loss, squares + loss**2),
        recent=recent,
        through=day,
        raised=before.raised or wealth >= 1.0 / alpha,
    )
    if before.raised and len(recent) == RECENT_DAYS and sum(recent) <= RECENT_DAYS:
        after = Evidence(before.mark, through=day, opened=before.opened, late_rows=before.late_rows)
    history = (*before.history, (day, after.value, after.raised))[-DAYS_REMEMBERED:]
    return replace(after, history=history)
