"""What the block test says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.blocks.plan import MIN_BLOCKS, BlockUnit
from service.core.blocks.scores import Aim

if TYPE_CHECKING:
    from service.core.blocks.plan import BlockPlan
    from service.methods.block_test.model import BlockModel
    from service.methods.block_test.verdict import Verdict

_UNITS = {BlockUnit.DAY: "day", BlockUnit.HOUR: "hour", BlockUnit.RUN: "run"}
_AIMS = {
    Aim.LOCATION: "location",
    Aim.SPREAD: "spread",
    Aim.MISSING: "share of missing values",
    Aim.BUCKET: "share of a group of rare labels",
    Aim.FAMILIARITY: "how usual its labels are",
    Aim.UNSEEN: "share of labels that the reference does not have",
}


def counted(blocks: int, plan: BlockPlan) -> str:
    """Return so many blocks in words."""
    words = f"{blocks:,} {_UNITS[plan.unit]}{'' if blocks == 1 else 's'}"
    return f"{words} of {plan.length * plan.parts:,} rows" if plan.unit is BlockUnit.RUN else words


def too_short(model: BlockModel) -> str | None:
    """Return why a reference cannot be judged by, None where it can."""
    if model.is_ready:
        return None
    lacking = MIN_BLOCKS - model.blocks
    return (
        f"the reference has {counted(model.blocks, model.plan)}; {lacking} more are needed to tell drift "
        "from how they differ"
    )


def spoken(verdict: Verdict, model: BlockModel) -> str:
    """Return what moved, in which of the window's blocks."""
    aim = _AIMS.get(verdict.component.aim, f"share of {verdict.component.label!r}")
    way = "up" if verdict.shift > 0 else "down"
    if verdict.component.aim is Aim.SPREAD:
        way = "wider" if verdict.shift > 0 else "narrower"
    last = "last " if verdict.blocks == 1 else f"last {verdict.blocks:,} "
    return f"{aim} {way} in the {last}{_UNITS[model.plan.unit]}{'' if verdict.blocks == 1 else 's'}"
