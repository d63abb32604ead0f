"""What `check` says of drift alarms: what they rest on, and which shifts they cannot show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.checks.look import BlocksLook, Finding
from service.core.blocks.plan import MIN_BLOCKS, BlockUnit
from service.core.blocks.scores import Aim
from service.core.season.season import DAY, HOUR
from service.core.windows.window import Unit
from service.methods.block_test import model as block_model
from service.methods.block_test.detectable import ASKED, detectable
from service.methods.block_test.words import counted, too_short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.checks.look import MonitorLook
    from service.config.monitor import Monitor
    from service.core.reference.reference import Reference

NAMED = 8  # columns on a line


def look_at_blocks(monitor: Monitor, reference: Reference) -> BlocksLook | None:
    """Return a reference by blocks and what could be seen with it; None where thresholds decide on drift."""
    if reference.blocks is None:
        return None
    model = block_model.fit(reference.blocks)
    length = _window_blocks(monitor, model.typical, model.plan.unit)
    if not model.is_ready:
        return BlocksLook(model, length, {})
    known = 1.0 if length is None else length
    said = detectable(
        model,
        reference.blocks.spec.columns,
        monitor.drift.false_alarm_rate,
        rows=model.typical * min(known, 1.0),
        blocks=max(math.ceil(round(known, 6)), 1),
        parts=max(round(model.full * min(known, 1.0)), 1),
    )
    return BlocksLook(model, length, said)


def block_findings(look: MonitorLook) -> Iterator[Finding]:
    """Yield what drift alarms rest on, and what they cannot show."""
    seen, where = look.blocks, f"{look.monitor.name}: drift"
    if seen is None:
        return
    for message in (*_old_keys(look.monitor), *_basis(seen, look.monitor), *_limits(seen)):
        yield Finding("note", where, message)


def _old_keys(monitor: Monitor) -> Iterator[str]:
    written = monitor.drift.model_fields_set
    if "blocks" in written:
        yield "blocks has no effect: nothing is drawn from the reference any more; remove it"
    if "verdict" in written:
        yield "verdict has no effect with calibrated alarms: the block test decides; remove it"


def _basis(seen: BlocksLook, monitor: Monitor) -> Iterator[str]:
    model, rate = seen.model, monitor.drift.false_alarm_rate
    short = too_short(model)
    if short is not None:
        yield f"{short}: nothing is judged"
        return
    has = counted(model.blocks, model.plan)
    yield (
        f"the block test decides, at {rate:.1%} of windows without drift: it compares a window with how the "
        f"reference's {has} differ; distances are measured and have no threshold of their own"
    )
    if model.plan.unit is BlockUnit.DAY:
        yield (
            f"a kind of day that comes less often than once in {has}, such as a holiday or a promotion, is "
            "drift to this reference unless it holds one: no rate can be promised for it"
        )
    if model.plan.unit is BlockUnit.HOUR:
        yield (
            f"the reference has fewer than {MIN_BLOCKS} days, so that its {has} stand in for them: what the "
            f"hours of a day have in common counts as drift; with {MIN_BLOCKS} days it would not"
        )
    if seen.window is not None and seen.window > model.blocks:
        yield (
            f"a window holds about {counted(math.ceil(seen.window), model.plan)}, more than the "
            f"reference's {has}: a longer reference shows more, a longer window does not"
        )


def _limits(seen: BlocksLook) -> Iterator[str]:
    model = seen.model
    if not model.is_ready:
        return
    aims: dict[str, set[Aim]] = {}
    for each in model.components:
        aims.setdefault(each.column, set()).add(each.aim)
    many = [name for name, of in aims.items() if Aim.FAMILIARITY in of and Aim.SHARE not in of]
    if many:
        yield (
            f"{_listed(many)}: no label holds 2 % of the reference's rows; judged by groups of labels, and "
            "by labels that the reference does not have"
        )
    never = [name for name, each in seen.detectable.items() if each.blocks is None]
    if never:
        needed = [each.needed for name, each in seen.detectable.items() if each.blocks is None]
        most = max((each for each in needed if each is not None), default=None)
        would = (
            "" if most is None else f"; for all that it can help, one of {counted(most, model.plan)} would do"
        )
        yield (
            f"a shift of {ASKED:g} standard deviations never shows in {_listed(never)}: the reference's "
            f"{counted(model.blocks, model.plan)} differ by more{would}"
        )


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _window_blocks(monitor: Monitor, typical: float, unit: BlockUnit) -> float | None:
    plan = monitor.window.plan()
    size = plan.hop * plan.panes
    if plan.unit is Unit.ROWS:
        return size / max(typical, 1.0)
    if unit is BlockUnit.RUN:
        return None  # how many rows come in that time is not known
    return size / (DAY if unit is BlockUnit.DAY else HOUR)
