"""Drift of each column by its methods, and how many columns have drifted. One column never stops another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import row_sample
from service.core.profile.part import NOT_KEPT
from service.core.rows.schema import Kind
from service.methods.drift import season_matched
from service.methods.drift.in_worker import WAITING, question, question_about_texts
from service.methods.drift.registry import (
    DEFAULT,
    compute,
    compute_matched,
    default_method,
    drifted,
    error_bound,
    find,
    matched_error_bound,
    named,
)
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile
    from service.core.reference.seasonal.seasonal import SeasonalReference
    from service.core.reference.seasonal.weighted import Weighted
    from service.core.rows.schema import Column, Schema
    from service.core.worker_call import Question
    from service.methods.drift.method import Method

COUNT, SHARE = "drifted_columns", "drift_share"


class VerdictRule(StrEnum):
    """Which of a column's methods say whether it has drifted."""

    ANY = "any"  # beyond the threshold of any of them
    FIRST = "first"  # the others are second opinions


@dataclass(frozen=True, slots=True)
class DriftPlan:
    """Which methods measure drift, and from where a value counts as drift.

    methods: for every column whose kind they suit.
    by_column: in their place, for the columns named here.
    verdict: which of a column's methods decide whether it has drifted.
    thresholds: by method (`psi`, for every definition) or method and definition (`psi:robust`, which wins).
    share: the share of drifted columns from which the whole data set has drifted.
    multivariate: what is measured over all columns together (`pca.py`, `domain_classifier.py`); its
        `thresholds` go by metric.
    false_alarm_rate: the share of windows without drift that may alarm, over all columns together; the block
        test decides then (`methods/block_test`), and the methods' values have no threshold of their own. With
        None thresholds decide.
    """

    methods: tuple[str, ...] = (DEFAULT,)
    by_column: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    verdict: VerdictRule = VerdictRule.ANY
    thresholds: Mapping[str, float] = field(default_factory=dict)
    share: float = 0.5
    multivariate: tuple[str, ...] = ()
    false_alarm_rate: float | None = None


def measure_drift(
    reference: Profile,
    current: Profile,
    schema: Schema,
    plan: DriftPlan,
    *,
    seasonal: SeasonalReference | None = None,
    withheld: str | None = None,
    judged: Sequence[Measurement] = (),
) -> tuple[Measurement, ...]:
    """Measure every column by each of its methods, then how many columns have drifted.

    Season-matched methods compare with `seasonal`, the reference by season cell. `judged` are the columns'
    measurements that decide in the methods' place, where alarms have a rate.

    Columns that could not be measured have a reason and are left out of the share. With `withheld` nothing is
    computed: each series has that reason. So has a series whose method is `left_out`. Raises
    ConfigurationError where `plan` names no known method.
    """
    measured: list[Measurement] = []
    for column in schema.columns:
        sides = (reference, current)
        methods = methods_of(plan, column, *_distributions(sides, column))
        rows = current.columns[column.name].distribution.finite
        matched, known = _matched(methods, seasonal, current, column, withheld)
        measured += [
            Measurement(_series(method, column), None, rows, _why_left_out(method, column), decides=False)
            for method in left_out(plan, column)
            if method not in methods
        ]
        measured += [
            _measured(
                method,
                column,
                sides,
                threshold=threshold_of(plan, method),
                decides=plan.false_alarm_rate is None and method in deciding(plan, methods),
                withheld=known.reason if method.matched and matched is None else withheld,
                matched=matched,
                remark=known.reason if method.matched else None,
            )
            for method in methods
        ]
        if any(method.matched for method in methods):
            measured.append(known)
    verdicts = [each for each in judged if each.threshold is not None]
    reasons = {each.reason for each in verdicts}
    if len(reasons) == 1 and not any(each.breached is not None for each in verdicts):
        withheld = withheld or reasons.pop()  # one reason for all of them says more than that there is none
    return (*measured, *judged, *of_columns([*measured, *judged], plan.share, current.rows, withheld))


def methods_of(
    plan: DriftPlan, column: Column, reference: Distribution, current: Distribution
) -> tuple[Method, ...]:
    """Return the methods that measure `column`, each once, in the plan's order; else the default one.

    Raises ConfigurationError for an unknown name, and for one that the plan gives a column it does not suit.
    """
    default = default_method(reference, current, column.kind)
    own = plan.by_column.get(column.name)
    methods: dict[str, Method] = {}
    for name in plan.methods if own is None else own:
        if name != DEFAULT and own is None and not named(name).suits_unchosen(column.kind):
            continue
        method = default if name == DEFAULT else find(name, column.kind)
        methods.setdefault(method.full_name, method)
    return tuple(methods.values()) or (default,)


def left_out(plan: DriftPlan, column: Column) -> tuple[Method, ...]:
    """Return the methods, named for all columns, that could measure `column` but would mislead there.

    `default` may choose one of them all the same.
    """
    if column.name in plan.by_column:
        return ()
    methods = {name: named(name) for name in plan.methods if name != DEFAULT}
    unfit = (m for m in methods.values() if m.suits(column.kind) and not m.suits_unchosen(column.kind))
    return tuple({method.full_name: method for method in unfit}.values())


def deciding(plan: DriftPlan, methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """Return those of a column's `methods` that say whether it has drifted.

    One that runs in the worker process is a second opinion next to others.
    """
    if plan.verdict is VerdictRule.FIRST:
        return methods[:1]
    return tuple(method for method in methods if method.in_worker is None) or methods


def _why_left_out(method: Method, column: Column) -> str:
    return (
        f"left out: {method.name} counts distinct values, and {column.name} is {column.kind}; "
        f"to measure it all the same, name {method.name} under drift.columns.{column.name}"
    )


def threshold_of(plan: DriftPlan, method: Method) -> float | None:
    """Return the value from which `method` counts as drift in `column`; None where it does not decide."""
    if plan.false_alarm_rate is not None and method.in_worker is None:
        return None
    given = plan.thresholds.get(method.full_name, plan.thresholds.get(method.name))
    return method.threshold if given is None else given


def _measured(
    method: Method,
    column: Column,
    sides: tuple[Profile, Profile],
    *,
    threshold: float | None,
    decides: bool = True,
    withheld: str | None,
    matched: Weighted | None = None,
    remark: str | None = None,
) -> Measurement:
    series = _series(method, column)
    both = _distributions(sides, column)
    rows = both[1].finite
    if withheld:
        return Measurement(series, None, rows, withheld, threshold, decides=decides)
    try:
        if method.in_worker is not None:
            limit = method.threshold if threshold is None else threshold
            asked, rows = _asked(method, column, sides, limit)
            return Measurement(series, None, rows, WAITING, threshold, decides=decides, question=asked)
        if matched is not None and method.matched:
            value = compute_matched(method, column.kind, matched, both[1])
            bound = matched_error_bound(method, matched, both[1], value)
        else:
            value = compute(method, column.kind, *both)
            bound = error_bound(method, *both, value)
    except (ValueError, ArithmeticError) as error:  # this column has no number; the others are still measured
        return Measurement(series, None, rows, str(error) or type(error).__name__, threshold, decides=decides)
    breached = None if threshold is None else drifted(method, value, threshold)
    return Measurement(
        series, value, rows, remark, threshold, breached=breached, error_bound=bound, decides=decides
    )


def _matched(
    methods: tuple[Method, ...],
    seasonal: SeasonalReference | None,
    current: Profile,
    column: Column,
    withheld: str | None,
) -> tuple[Weighted | None, Measurement]:
    # The season-matched reference, where a method asks for it, and its effective size.
    rows, found, reason = current.columns[column.name].distribution.finite, None, withheld
    if withheld is None and any(method.matched for method in methods):
        try:
            found = season_matched.matched(seasonal, current, column.name)
            reason = season_matched.remark(seasonal, found)
        except Unmeasurable as missing:
            reason = str(missing)
    return found, season_matched.measure_effective_rows(column.name, found, rows, reason)


def _series(method: Method, column: Column) -> Series:
    return Series(
        Aspect.DRIFT,
        method.name,
        column.name,
        definition=method.definition,
        unit=method.unit,
        worse=method.worse,
    )


def _distributions(sides: tuple[Profile, Profile], column: Column) -> tuple[Distribution, Distribution]:
    reference, current = (side.columns[column.name].distribution for side in sides)
    return reference, current


def _asked(
    method: Method, column: Column, sides: tuple[Profile, Profile], threshold: float
) -> tuple[Question, int]:
    if Kind.TEXT in method.kinds:
        before, now = (side.get(row_sample.PART) for side in sides)
        if before is None or now is None:
            raise Unmeasurable(NOT_KEPT)
        texts = before.columns.get(column.name), now.columns.get(column.name)
        return question_about_texts(method, threshold, *texts)
    return question(method, column.kind, *_distributions(sides, column))


def of_columns(
    measured: Iterable[Measurement], limit: float, rows: int, withheld: str | None = None
) -> tuple[Measurement, Measurement]:
    """Measure how many columns have drifted, and the share, which is breached from `limit` on.

    A column has drifted where one of its `measured` values that decide is breached. A column without a
    verdict is left out; how many are counted is then said in the reason, with the value.
    """
    verdicts: dict[str, bool] = {}
    columns: set[str] = set()
    for m in measured:
        if m.decides and m.threshold is not None:  # what has none measures no column's drift
            columns.add(m.series.column)
            if m.breached is not None:
                verdicts[m.series.column] = verdicts.get(m.series.column, False) or m.breached
    count = Series(Aspect.DRIFT, COUNT, unit="columns", worse=Worse.HIGHER)
    share = Series(Aspect.DRIFT, SHARE, unit="share", worse=Worse.HIGHER)
    if withheld or not verdicts:
        reason = withheld or "no column could be measured"
        return Measurement(count, None, rows, reason), Measurement(share, None, rows, reason, limit)
    partly = None
    if len(verdicts) < len(columns):
        partly = f"{len(verdicts)} of {len(columns)} columns could be measured"
    drifting = sum(verdicts.values())
    part = drifting / len(verdicts)
    return (
        Measurement(count, float(drifting), rows, partly),
        Measurement(share, part, rows, partly, limit, part >= limit),
    )


def recounted(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Return a window's measurements with the drifted columns counted again from them, by segment."""
    fresh: dict[Series, Measurement] = {}
    for m in measurements:
        if m.series.metric == SHARE and m.series.aspect is Aspect.DRIFT and m.threshold is not None:
            of_segment = [
                other
                for other in measurements
                if other.series.aspect is Aspect.DRIFT
                and other.series.column
                and other.series.segment == m.series.segment
            ]
            counted = of_columns(of_segment, m.threshold, m.rows)
            if counted[1].value is not None:
                fresh |= {replace(c.series, segment=m.series.segment): c for c in counted}
    return tuple(replace(fresh[m.series], series=m.series) if m.series in fresh else m for m in measurements)
