"""The block test as measurements: an adjusted p-value per column, and the least of them for all columns.

`block_test` of a column is its p-value, adjusted for all columns, scores and scales: it alarms at or below
the rate that was asked for. That of the column "" is the least of them; it is the share of windows without
drift that look as different, and raises no alarm of its own beside the columns'. `pca_block_test` is the
p-value of the rows' reconstruction errors (`drift/pca.py`), one column more, where these are measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.blocks import sums
from service.core.blocks.scores import Aim
from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import block_sums
from service.core.profile.part import NOT_KEPT
from service.methods.block_test.measure_detectable import measure_detectable
from service.methods.block_test.verdict import judge
from service.methods.block_test.words import spoken, too_short

if TYPE_CHECKING:
    from service.core.blocks.scores import ColumnScores
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Schema
    from service.methods.block_test.model import BlockModel
    from service.methods.block_test.verdict import Verdict

METRIC, JOINT_METRIC = "block_test", "pca_block_test"
MIXED = "holds rows that were counted with another reference"
NOT_JUDGED, NOT_IN_WINDOW = "has no value in the reference", "no value in the window"


def measure_blocks(
    model: BlockModel,
    columns: tuple[ColumnScores, ...],
    current: Profile,
    schema: Schema,
    rate: float,
    *,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Return the p-value of every column of `schema`, that of all together, and what could be seen.

    `columns` are the scores that the reference fixed.

    A p-value of at most `rate` is a breach, and its reason says what moved and since how many blocks.
    """
    joint = any(each.column == block_sums.JOINT for each in model.components)
    names = (*schema.names, *([block_sums.JOINT] if joint else []), "")
    reason = withheld or too_short(model) or _unusable(current)
    found = current.get(block_sums.PART)
    if reason is not None or found is None or not len(found.sub_blocks):
        reason = reason or "no rows"
        measured = [
            Measurement(_series(name), None, current.rows, reason, rate, decides=bool(name)) for name in names
        ]
        seen = measure_detectable(model, columns, current, schema, rate, withheld=reason)
        return (*measured, *seen)
    valued = {each.column for each in model.components if each.aim is Aim.MISSING} | {block_sums.JOINT}
    valued |= {name for name in schema.names if current.columns[name].distribution.finite}
    verdicts = {name: each for name, each in judge(model, found).items() if name in valued}
    measured = [_measured(name, verdicts.get(name), current, model, rate) for name in names[:-1]]
    least = min(verdicts.values(), key=lambda each: each.p, default=None)
    seen = measure_detectable(model, columns, current, schema, rate)
    return (*measured, _measured("", least, current, model, rate), *seen)


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
        known = {each.column for each in model.components}
        why = NOT_IN_WINDOW if name in known or not name else NOT_JUDGED
        return Measurement(series, None, rows, why, rate, decides=decides)
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
