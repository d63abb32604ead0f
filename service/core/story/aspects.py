"""The sentences of the story on each aspect that is in alarm or beyond a threshold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Worse
from service.core.story import clauses, rise, words
from service.core.story.facts import is_judged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from service.core.read_models import NewestMeasurement, RaisedAlarm
    from service.core.story.facts import Facts

NO_OWN_LIMIT = "no limit of the reference's own"  # begins the reason of a value that is not judged
# Of performance, what is known without labels: it says nothing of how good the model is.
WITHOUT_LABELS = frozenset({"positive_rate", "pending_rows"})


def performance_in_alarm(facts: Facts) -> list[str]:
    """Return how much worse performance is, since when, why and where."""
    raised = facts.raised(Aspect.PERFORMANCE)
    if not raised:
        return []
    marked = [each for each in facts.of(Aspect.PERFORMANCE) if each.alarm]
    worst = next((each for each in marked if not each.segment), next(iter(marked), None))
    if worst is None:
        return [_not_measured("performance", raised)]
    start = "changed" if worst.worse is Worse.BOTH else "worse"
    said = f"{start}{_since(facts.since(worst))}: {clauses.beyond(worst)}"
    if len(raised) > 1:
        said += f"; {words.plural(len(raised) - 1, 'more alarm')} of performance"
    return [words.sentence(said), *rise.sentences(facts, worst)]


def in_alarm(facts: Facts, aspect: Aspect) -> list[str]:
    """Return what is in alarm of an aspect other than performance, since when."""
    raised = facts.raised(aspect)
    if not raised:
        return []
    columns = _drifted_columns(facts) if aspect is Aspect.DRIFT else []
    marked = [each for each in facts.of(aspect) if each.alarm and each.column_name not in columns]
    said = [clauses.beyond(each) for each in marked[:1]]
    if not said and not columns:
        return [_not_measured(aspect.value, raised)]
    rest = len(raised) - len(columns) - len(said)
    if rest:
        said.append(f"{words.plural(rest, 'more alarm')} of {aspect.value}")
    if columns:
        said.insert(0, words.listed(columns))
    where = f" in {words.plural(len(columns), 'column')}" if columns else ""
    since = _since(min((each.since for each in raised if each.since is not None), default=None))
    return [words.sentence(f"{aspect.value}{since}{where}: {'; '.join(said)}")]


def breached(facts: Facts) -> list[str]:
    """Return what is beyond its threshold in the newest window and in no alarm."""
    found = [each for each in facts.newest.measurements if each.decides and not each.alarm]
    if not found:
        return []
    rest = f"; {words.plural(len(found) - 1, 'more measurement')}" if len(found) > 1 else ""
    clause = clauses.drifted(found[0]) if clauses.is_of_column(found[0]) else clauses.beyond(found[0])
    return [f"In the newest window, not yet an alarm: {clause}{rest}."]


def performance_otherwise(facts: Facts) -> list[str]:
    """Return how performance is where it is neither in alarm nor breached, or why it is not judged."""
    own = [each for each in facts.of(Aspect.PERFORMANCE) if not _is_without_labels(each)]
    if not own or any(each.alarm or each.breached for each in own):
        return []
    judged = [each for each in own if is_judged(each) and each.threshold is not None]
    if judged:
        best = next((each for each in judged if not each.segment), judged[0])
        return [words.sentence(f"performance holds: {clauses.within(best)}")]
    return performance_unjudged(facts)


def performance_unjudged(facts: Facts) -> list[str]:
    """Return why performance is not judged, nothing where it is or where there is none."""
    own = [each for each in facts.of(Aspect.PERFORMANCE) if not _is_without_labels(each)]
    if not own or any(is_judged(each) for each in own) or facts.raised(Aspect.PERFORMANCE):
        return []
    reasons = Counter(each.reason for each in own if each.value is None and each.reason)
    if any(each.value is not None for each in own):
        told = [each.reason for each in own if each.reason and each.reason.startswith(NO_OWN_LIMIT)]
        why = words.name(told[0], words.MAX_REASON) if told else "it has no threshold"
        return [words.sentence(f"performance is not judged: {why}")]
    if not reasons:
        return []
    ((reason, _),) = reasons.most_common(1)
    return [words.sentence(f"performance is not judged: {clauses.why(reason or '')}")]


def _drifted_columns(facts: Facts) -> list[str]:
    """Return the columns whose drift is in alarm, in the order of the newest window."""
    raised = {each.column_name for each in facts.raised(Aspect.DRIFT) if each.column_name}
    marked = [each.column_name for each in facts.of(Aspect.DRIFT) if each.alarm]
    ordered = [column for column in dict.fromkeys(marked) if column in raised]
    return [*ordered, *sorted(raised - set(ordered))]


def _not_measured(aspect: str, raised: Sequence[RaisedAlarm]) -> str:
    since = _since(min((each.since for each in raised if each.since is not None), default=None))
    alarms = words.plural(len(raised), "alarm")
    return words.sentence(f"{aspect}{since}: {alarms}, of which the newest window measures nothing")


def _since(when: datetime | None) -> str:
    return "" if when is None else f" since {words.day(when)}"


def _is_without_labels(of: NewestMeasurement) -> bool:
    return of.metric in WITHOUT_LABELS or words.is_estimated(of.metric)
