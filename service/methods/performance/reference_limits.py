"""Limits of performance metrics that come from the reference's own blocks.

Where nothing is written, a metric is judged by how far it moves between blocks of the reference. The limit
holds the sampling error of both sides: that of the window, from its blocks and its rows, and the reference's
own (`block_spread.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from service.core.measurement import Worse
from service.core.profile.outcome import outcome, outcome_days
from service.core.profile.outcome.without import without
from service.core.profile.part import NOT_KEPT
from service.core.reference.outcome_blocks import MIN_BLOCKS
from service.methods.performance.block_spread import Block, Spread, Stretch, spread_of
from service.methods.performance.judge import is_beyond
from service.methods.performance.performance import values_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.core.measurement import Measurement
    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.outcome.outcome_days import Days
    from service.core.profile.profile import Profile
    from service.core.reference.outcome_blocks import OutcomeBlocks
    from service.core.rows.task import Task

MIN_STRETCHES = 8
NO_OWN_LIMIT = "no limit of the reference's own"  # begins the reason; the story reads it


@dataclass(frozen=True, slots=True)
class ReferenceLimits:
    """What the reference's own blocks say of metrics, by name: a spread, or the reason why there is none.

    `run_rows` is how many rows a block has where it is no day.
    """

    metrics: Mapping[str, Spread | str] = field(default_factory=dict)
    run_rows: int | None = None

    def of(self, names: Iterable[str]) -> ReferenceLimits:
        """Return the limits of some metrics alone."""
        wanted = set(names)
        return replace(self, metrics={name: one for name, one in self.metrics.items() if name in wanted})

    def widening(self, current: Profile) -> dict[str, float]:
        """Return how many times as long each metric's band over independent rows has to be in a window."""
        window = self.window_of(current)
        if window is None:
            return {}
        known = ((name, each) for name, each in self.metrics.items() if isinstance(each, Spread))
        return {name: spread.widening(window) for name, spread in known}

    def window_of(self, current: Profile) -> tuple[int, ...] | None:
        """Return the labelled rows of each block of a window; None where its days were not kept."""
        found = current.get(outcome.PART)
        return self.window(current.get(outcome_days.PART), 0 if found is None else found.labelled)

    def window(self, days: Days | None, labelled: int) -> tuple[int, ...] | None:
        """Return the labelled rows of each block of a window; None where its days were not kept."""
        if self.run_rows is not None:
            whole, rest = divmod(labelled, self.run_rows)
            return (*(self.run_rows,) * whole, *((rest,) if rest else ()))
        return None if days is None else tuple(max(counts[::2]) for counts in days.values())


NO_LIMITS = ReferenceLimits()


def fit_limits(
    blocks: OutcomeBlocks | None, whole: Outcome | None, task: Task | None, names: Iterable[str]
) -> ReferenceLimits:
    """Return what the blocks of a reference, whose outcome is `whole`, say of the metrics `names`."""
    wanted = frozenset(names)
    if task is None or blocks is None or whole is None or not wanted:
        return NO_LIMITS
    found = values_by_name(task, whole, wanted)
    count = len(blocks.blocks)
    if count < MIN_BLOCKS:
        reason = f"the reference has {blocks.named} with labels, and {MIN_BLOCKS} are needed"
        return ReferenceLimits(dict.fromkeys(found, reason), blocks.run_rows)
    rows = [block.labelled for block in blocks.blocks]
    left = [values_by_name(task, without(whole, block), wanted) for block in blocks.blocks]
    stretches = [(each.labelled, values_by_name(task, each, wanted)) for each in blocks.stretches]
    metrics: dict[str, Spread | str] = {}
    for name, (metric, value) in found.items():
        blocks_of = [
            Block(n, each.value)
            for n, (_, each) in zip(rows, (values[name] for values in left), strict=True)
            if each.value is not None
        ]
        of_stretches = [
            Stretch(n, each.value)
            for n, (_, each) in ((n, values[name]) for n, values in stretches)
            if each.value is not None
        ]
        if len(blocks_of) < count:
            metrics[name] = "it has no value without one of the reference's blocks"
        elif blocks.stretches and len(of_stretches) < MIN_STRETCHES:
            metrics[name] = "too few stretches of the reference as long as a window have a value"
        else:
            metrics[name] = spread_of(metric, value, sum(rows), blocks_of, of_stretches)
    return ReferenceLimits(MappingProxyType(metrics), blocks.run_rows)


def judged_by_reference(
    measured: Sequence[Measurement], current: Profile, limits: ReferenceLimits, rate: float
) -> tuple[Measurement, ...]:
    """Return a window's measurements, those of `limits` with the reference's own limit as their threshold.

    `rate` is that of each verdict. A value beyond the limit on the other side is better than the reference's
    blocks explain: its reason says so, and nothing is breached.
    """
    if not limits.metrics:
        return tuple(measured)
    window = limits.window_of(current)
    return tuple(
        _judged(each, limits.metrics[each.series.metric], window, rate)
        if each.series.metric in limits.metrics and not each.series.segment and each.threshold is None
        else each
        for each in measured
    )


class _Limit(NamedTuple):
    # From where on a window is worse, as a measurement says it, and the edge of what is better, if any is.
    threshold: float
    better: float | None


def _judged(
    measured: Measurement, spread: Spread | str, window: Sequence[int] | None, rate: float
) -> Measurement:
    value, worse = measured.value, measured.series.worse
    if value is None:
        return measured
    if isinstance(spread, str) or window is None:
        why = spread if isinstance(spread, str) else f"the window's days were {NOT_KEPT}"
        return replace(measured, reason=_joined(measured.reason, f"{NO_OWN_LIMIT}: {why}"))
    limit = _limit(spread, value, spread.limits(window, rate / 2.0 if worse is Worse.BOTH else rate))
    centre = spread.value if spread.metric.from_reference else 0.0
    better = limit.better is not None and _is_better(worse, value, limit.better)
    remark = (
        "better than the reference's own blocks explain" if better and _is_sure(measured, spread) else None
    )
    return replace(
        measured,
        threshold=limit.threshold,
        # The reference's own figure is no change, even where its blocks do not differ at all.
        breached=value != spread.value and is_beyond(worse, (value, value), limit.threshold, centre),
        reason=_joined(measured.reason, remark),
    )


def _limit(spread: Spread, value: float, ends: tuple[float, float]) -> _Limit:
    # Of what is worse both ways half the rate is on each side; measured from 0, moving towards it is better.
    low, high = ends
    if spread.metric.worse is Worse.HIGHER:
        return _Limit(high, low)
    if spread.metric.worse is Worse.LOWER:
        return _Limit(low, high)
    if spread.metric.from_reference:
        return _Limit(high - spread.value if value >= spread.value else spread.value - low, None)
    if low <= 0.0 <= high:
        return _Limit(high if value >= 0.0 else -low, None)  # measured from 0, either side has its own
    return _Limit(max(high, -low), low if low > 0.0 else high)


def _is_better(worse: Worse, value: float, edge: float) -> bool:
    if worse is Worse.LOWER:
        return value > edge
    return value < edge if worse is Worse.HIGHER else abs(value) < abs(edge)


def _is_sure(measured: Measurement, spread: Spread) -> bool:
    # Whether the value's own band leaves the reference's figure out: five right answers of five are no better
    # than nine of ten, whatever a normal law of such shares says.
    low, high = measured.low, measured.high
    if low is None or high is None or measured.series.worse is Worse.BOTH:
        return True
    return low > spread.value if measured.series.worse is Worse.LOWER else high < spread.value


def _joined(*remarks: str | None) -> str | None:
    return "; ".join(remark for remark in remarks if remark) or None
