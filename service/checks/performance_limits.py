"""What performance is judged by, in the words of `check`: limits of a usual window, or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Worse
from service.core.profile.outcome.outcome_days import DAY
from service.core.windows.window import Unit
from service.methods.performance.block_spread import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.checks.look import WindowLook
    from service.config.monitor import Monitor
    from service.core.reference.reference import Reference
    from service.methods.measure_window import MeasurePlan

PROMISE = "the chance of a false alarm, ever, is {:.2g} while a day's expected loss stays at or below that"


def limits_in_use(monitor: Monitor, reference: Reference, window: WindowLook | None) -> Iterator[str]:
    """Yield a line per metric that is judged; `window` is a usual one."""
    plan = monitor.measure_plan.with_limits_of(reference)
    blocks = _blocks(monitor, reference, plan, window)
    rate = plan.false_alarm_rate / max(len(plan.performance) + len(plan.limits.metrics), 1)
    for name, limit in plan.performance.items():
        spread = plan.spreads.metrics.get(name)
        times = spread.widening(blocks) if blocks and isinstance(spread, Spread) else 1.0
        widened = f", its band {times:.2g} times as long since the reference's days differ"
        yield f"{name}: {limit:g} as written{widened if times > 1.0 else ''}"
    for name, spread in plan.limits.metrics.items():
        if isinstance(spread, Spread) and blocks:
            yield f"{name}: {_limits(spread, blocks, rate)}"
    for test in plan.tolerance_tests:
        if test.level is not None:
            worse = test.metric.worse is Worse.LOWER
            loss = f"a mean loss of {test.level:.4g}" + (f" (1 - {test.metric.name})" if worse else "")
            yield (
                f"{test.metric.name}: worse by {test.tolerance} is {loss} a day; {PROMISE.format(test.alpha)}"
            )


def unjudged(monitor: Monitor, reference: Reference) -> Iterator[str]:
    """Yield why metrics that are to be judged by the reference's own blocks are not."""
    plan = monitor.measure_plan.with_limits_of(reference)
    if monitor.performance is None and monitor.reference.moving is not None and reference.schema.task:
        yield (
            "performance: no limit where the reference moves; to judge it, write one, such as "
            "performance: {mae: 12}"
        )
    for name, spread in plan.limits.metrics.items():
        if isinstance(spread, str):
            yield (
                f"performance.{name}: no limit of the reference's own: {spread}; to judge it all the same, "
                f"write one under performance"
            )
    for test in plan.tolerance_tests:
        if test.level is None:
            yield f"performance.{test.metric.name}.worse_by: no evidence is counted: {test.reason}"


def _limits(spread: Spread, blocks: tuple[int, ...], rate: float) -> str:
    worse = spread.metric.worse
    low, high = spread.limits(blocks, rate / 2.0 if worse is Worse.BOTH else rate)
    usual = f"in a usual window, by the reference's own blocks ({spread.value:.4g})"
    if worse is Worse.BOTH:
        return f"worse outside of {low:.4g} to {high:.4g} {usual}"
    if worse is Worse.LOWER:
        return f"worse below {low:.4g}, better above {high:.4g} {usual}"
    return f"worse above {high:.4g}, better below {low:.4g} {usual}"


def _blocks(
    monitor: Monitor, reference: Reference, plan: MeasurePlan, window: WindowLook | None
) -> tuple[int, ...]:
    # The rows of each block of a usual window, all of them labelled.
    held = reference.outcome_blocks
    if window is None or held is None or not held.blocks:
        return ()
    rows = window.panes * window.pane_rows
    if held.run_rows is not None:
        return plan.limits.window(None, rows) or ()
    windows = monitor.window.plan()
    if windows.unit is Unit.TIME:
        days = round(windows.hop * windows.panes / DAY)
    else:
        days = round(rows * len(held.blocks) / max(sum(block.labelled for block in held.blocks), 1))
    days = min(max(days, 1), max(rows, 1))
    return (max(rows // days, 1),) * days
