"""The block test as measurements: an adjusted p-value per column, and the least of them for all columns.

`block_test` of a column is its p-value, adjusted for all columns, scores and scales: it alarms at or below
the rate that was asked for. That of the column "" is the least of them; it is the share of windows without
drift that look as different, and raises no alarm of its own beside the columns'. `pca_block_test` is the
p-value of the rows' reconstruction errors (`drift/pca.py`), one column more, where these are measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.blocks import sums
from service.core.blocks.plan import MIN_BLOCKS, BlockUnit
from service.core.blocks.scores import Aim
from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import block_sums
from service.core.profile.part import NOT_KEPT
from service.methods.block_test.verdict import judge

if TYPE_CHECKING:
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Schema
    from service.methods.block_test.model import BlockModel
    from service.methods.block_test.verdict import Verdict

METRIC, JOINT_METRIC = "block_test", "pca_block_test"
MIXED = "holds rows that were counted with another reference"
NOT_JUDGED = "does not vary in the reference"
_AIMS = {
    Aim.LOCATION: "location",
    Aim.SPREAD: "spread",
    Aim.MISSING: "share of missing values",
    Aim.BUCKET: "share of a group of rare labels",
    Aim.FAMILIARITY: "share of labels that are rare in the reference",
    Aim.UNSEEN: "share of labels that the reference does not have",
}


def measure_blocks(
    model: BlockModel, current: Profile, schema: Schema, rate: float, *, withheld: str | None = None
) -> tuple[Measurement, ...]:
    """Return the p-value of every column of `schema`, then that of all together, each or a reason.

    A p-value of at most `rate` is a breach, and its reason says what moved and since how many blocks.
    """
    joint = any(each.column == block_sums.JOINT for each in model.components)
    names = (*schema.names, *([block_sums.JOINT] if joint else []), "")
    reason = withheld or too_short(model) or _unusable(current)
    found = current.get(block_sums.PART)
    if reason is not None or found is None or not len(found.sub_blocks):
        reason = reason or "no rows"
        return tuple(
            Measurement(_series(name), None, current.rows, reason, rate, decides=bool(name)) for name in names
        )
    verdicts = judge(model, found)
    measured = [_measured(name, verdicts.get(name), current, model, rate) for name in names[:-1]]
    least = min(verdicts.values(), key=lambda each: each.p, default=None)
    return (*measured, _measured("", least, current, model, rate))


def too_short(model: BlockModel) -> str | None:
    """Return why a reference cannot be judged by, None where it can."""
    if model.is_ready:
        return None
    lacking = MIN_BLOCKS - model.blocks
    return (
        f"the reference has {counted(model.blocks, model.plan.unit)} of rows; {lacking} more are needed to "
        "tell drift from how they differ"
    )


def counted(blocks: int, unit: BlockUnit) -> str:
    """Return so many blocks in words."""
    names = {BlockUnit.DAY: "day", BlockUnit.HOUR: "hour", BlockUnit.RUN: "run"}
    return f"{blocks:,} {names[unit]}{'' if blocks == 1 else 's'}"


def spoken(verdict: Verdict, model: BlockModel) -> str:
    """Return what moved, in which of the window's blocks."""
    aim = _AIMS.get(verdict.component.aim, f"share of {verdict.component.label!r}")
    way = "up" if verdict.shift > 0 else "down"
    if verdict.component.aim is Aim.SPREAD:
        way = "wider" if verdict.shift > 0 else "narrower"
    return f"{aim} {way} in the last {counted(verdict.blocks, model.plan.unit)}"


def _unusable(current: Profile) -> str | None:
    found = current.get(block_sums.PART)
    if found is None:
        return NOT_KEPT
    return MIXED if found.mark == sums.MIXED else None


def _measured(
    name: str, verdict: Verdict | None, current: Profile, model: BlockModel, rate: float
) -> Measurement:
    series, rows, decides = _series(name), current.rows, bool(name)
    if verdict is None:
        return Measurement(series, None, rows, NOT_JUDGED, rate, decides=decides)
    breached = verdict.p <= rate
    said = spoken(verdict, model) if breached else None
    if said and not name:
        column = verdict.component.column
        said = f"{'reconstruction error' if column == block_sums.JOINT else column}: {said}"
    return Measurement(series, verdict.p, rows, said, rate, breached, decides=decides)


def _series(name: str) -> Series:
    if name == block_sums.JOINT:
        return Series(Aspect.DRIFT, JOINT_METRIC, unit="p-value", worse=Worse.LOWER)
    return Series(Aspect.DRIFT, METRIC, name, unit="p-value", worse=Worse.LOWER)
