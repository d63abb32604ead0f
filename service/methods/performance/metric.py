"""A row of the metrics' table, and the value that it computes or the reason why there is none.

A value's band is computed on demand: the reference's own is never asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from service.core.measurement import Worse
from service.methods.stats.confidence_bands import NO_BAND
from service.methods.stats.unmeasurable import NO_LABELS, Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from service.methods.stats.confidence_bands import Band

TOO_LARGE = "the values are larger than a number can hold"

Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)
SHARE: Range = (0.0, 1.0)
NOT_NEGATIVE: Range = (0.0, math.inf)

_S_contra = TypeVar("_S_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A metric's value, or the reason why there is none.

    value: finite, None where there is none.
    rows: how many rows it rests on.
    reason: why there is no value.
    band: computes the 95 % band; None where the metric has none.
    error_bound: how far the value can lie from that of uncompressed rows.
    """

    value: float | None
    rows: int
    reason: str | None = None
    band: Callable[[], Band] | None = None
    error_bound: float | None = None


@dataclass(frozen=True, slots=True)
class Metric(Generic[_S_contra]):
    """A row of the metrics' table.

    name: the stored name.
    compute: takes the state that the metric is computed from; raises Unmeasurable with a reason.
    worse: on which side it gets worse. A metric that is worse both ways is compared with 0, or with the
        reference's own value where `from_reference`.
    unit: empty where it has none, or the target's.
    within: the smallest and the largest value that it can have.
    from_reference: see `worse`.
    headline: its rank, from 1, among those that represent a model on an overview; None for the others.
    needs_labels: False where a window's value is final before its labels come.
    of_blocks: False where the reference's own blocks give no limit: the value depends on how many rows there
        are, or nothing bounds the next row's.
    loss: the loss of single rows whose mean it is, as `row_losses.py` names it; None for any other metric.
    """

    name: str
    compute: Callable[[_S_contra], MetricValue]
    worse: Worse = Worse.HIGHER
    unit: str = ""
    within: Range = ANY
    from_reference: bool = False
    headline: int | None = None
    needs_labels: bool = True
    of_blocks: bool = True
    loss: str | None = None

    @property
    def threshold_within(self) -> Range:
        """The smallest and the largest threshold that says anything: a distance for one worse both ways."""
        low, high = self.within
        return (0.0, high - low) if self.worse is Worse.BOTH else (low, high)


AnyMetric = Metric[Any]


def values_of(
    metrics: Sequence[Metric[_S_contra]], state: Callable[[], _S_contra]
) -> Iterator[tuple[AnyMetric, MetricValue]]:
    """Yield each metric's value of a state.

    Where `state` raises Unmeasurable, its message is the reason of them all.
    """
    try:
        known = state()
    except Unmeasurable as reason:
        yield from ((metric, no_value(str(reason))) for metric in metrics)
        return
    for metric in metrics:
        yield metric, metric.compute(known)


def metric_value(
    rows: int,
    compute: Callable[[], float],
    band: Callable[[float], Band] | None = None,
    *,
    bound: Callable[[float], float | None] | None = None,
) -> MetricValue:
    """Return a value over `rows` rows; `band` and `bound` take the value.

    Where `compute` raises Unmeasurable its message is the reason; a value that is not finite has one too.
    """
    try:
        value = compute()
        error_bound = bound(value) if bound is not None else None
    except Unmeasurable as reason:
        return MetricValue(None, rows, str(reason))
    except OverflowError:
        return MetricValue(None, rows, TOO_LARGE)
    if not math.isfinite(value):
        return MetricValue(None, rows, TOO_LARGE)
    on_demand = None if band is None else lambda: _finite(band, value)
    return MetricValue(value, rows, None, on_demand, error_bound)


class CountedRows(Protocol):
    """An outcome's rows without both a prediction and a label."""

    @property
    def pending(self) -> int:
        """Rows with a prediction that wait for their label."""
        ...

    @property
    def unusable(self) -> int:
        """Rows that no label would help: either side is there and cannot be used, or has no prediction."""
        ...


def why_unlabelled(outcome: CountedRows) -> str:
    """Return why an outcome without a labelled row has none: a label may come, or it would not help."""
    if outcome.pending or not outcome.unusable:
        return NO_LABELS
    return f"none of {outcome.unusable:,} rows has a prediction and a label that can be compared"


def no_value(reason: str) -> MetricValue:
    """Return the absence of a value, over no row."""
    return MetricValue(None, 0, reason)


def _finite(band: Callable[[float], Band], value: float) -> Band:
    try:
        low, high = band(value)
    except (OverflowError, Unmeasurable):
        return NO_BAND
    if any(side is not None and not math.isfinite(side) for side in (low, high)):
        return NO_BAND
    return low, high
