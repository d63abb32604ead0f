"""The story of a monitor: its state in a few sentences, made from its measurements by rules.

Performance comes first, then quality, drift and health. What a measurement does not say is left out: there is
no sentence for a missing value, reference, unit or segment. Every name, list and reason is cut to a bounded
length. The store writes the story in the transaction of the cycle that it tells of, so that the page, the
dashboards, the alerts and `tidegauge status` have the same text.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from service.core.measurement import Aspect
from service.core.story import aspects, clauses, words

if TYPE_CHECKING:
    from datetime import datetime

    from service.core.story.facts import Facts


NOT_STARTED = "Waiting: no cycle has worked yet."


class StoryState(StrEnum):
    """The state that a story tells of, in the words of the view `monitors`."""

    ALARM = "alarm"
    BREACH = "breach"
    FINE = "fine"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Story:
    """A monitor's state and the story of it."""

    state: StoryState
    text: str


def tell(facts: Facts) -> Story:
    """Return the story of a monitor whose cycles work."""
    if facts.alarms:
        return Story(StoryState.ALARM, " ".join(_alarm(facts)))
    if any(each.decides for each in facts.newest.measurements):
        said = [*aspects.breached(facts), *aspects.performance_otherwise(facts)]
        return Story(StoryState.BREACH, " ".join(said))
    if facts.judged:
        return Story(StoryState.FINE, " ".join([_healthy(facts), *aspects.performance_unjudged(facts)]))
    return Story(StoryState.WAITING, _waiting(facts))


def failing(error: str) -> str:
    """Return the story of a monitor whose last cycle failed."""
    why = words.name(error, words.MAX_REASON)
    return words.sentence(f"failing: its last cycle failed{why and f': {why}'}")


def waiting(reason: str) -> str:
    """Return the story of a monitor that waits for what it needs, such as the rows of its reference."""
    return words.sentence(f"waiting: {words.name(reason, words.MAX_REASON)}")


def silent(last_good: datetime) -> str:
    """Return the story of a monitor that no service runs, or whose cycles hang, since its last good cycle."""
    return f"Silent: no cycle has worked since {words.minute(last_good)}."


def in_trouble(trouble: str, told: Story) -> str:
    """Return the story of a monitor whose cycles do not work; `told` was its story until then."""
    return trouble if told.state is StoryState.WAITING else f"{trouble} Until then: {told.text}"


def _alarm(facts: Facts) -> list[str]:
    return [
        *aspects.performance_in_alarm(facts),
        *aspects.in_alarm(facts, Aspect.QUALITY),
        *aspects.in_alarm(facts, Aspect.DRIFT),
        *aspects.in_alarm(facts, Aspect.HEALTH),
        *aspects.breached(facts),
        *aspects.performance_otherwise(facts),
    ]


def _healthy(facts: Facts) -> str:
    judged = facts.judged
    uncounted = sum(bool(each.breached) for each in judged)
    by_chance = sum(clauses.is_by_chance(each) for each in judged)
    within = len(judged) - uncounted - by_chance
    if uncounted or by_chance:
        threshold = "is within its threshold" if within == 1 else "are within their thresholds"
        said = [f"Healthy: {within:,} of {words.plural(len(judged), 'measurement')} {threshold}"]
        if uncounted:
            said.append(f"{uncounted:,} {'counts' if uncounted == 1 else 'count'} for no alarm")
        if by_chance:
            said.append(f"{by_chance:,} {'is' if by_chance == 1 else 'are'} beyond {clauses.BY_CHANCE}")
        return f"{'; '.join(said)}."
    if len(judged) == 1:
        return "Healthy: the one measurement with a threshold is within it."
    return f"Healthy: all {words.plural(len(judged), 'measurement')} are within their thresholds."


def _waiting(facts: Facts) -> str:
    measured = [each for each in facts.newest.measurements if each.aspect is not Aspect.HEALTH]
    if facts.newest.window is None:
        if not facts.newest.started:
            return NOT_STARTED
        if facts.newest.ended:
            return "Waiting: its source has ended, and no window was measured."
        return "Waiting: no window has been measured yet."
    has_values = any(each.value is not None for each in measured)
    # A window without rows has a value all the same, their number: why nothing was judged, the others say.
    unjudged = [each for each in measured if each.threshold is not None] if has_values else measured
    reasons = Counter(each.reason for each in unjudged if each.reason)
    why_not = "no measurement has a threshold" if has_values else "the newest window has no value"
    if not reasons:
        return f"Not judged: {why_not}."
    ((reason, _),) = reasons.most_common(1)
    why = words.name(reason or "", words.MAX_REASON)
    return words.sentence(f"Not judged: {why}" if has_values else f"Not judged: {why_not}: {why}")
