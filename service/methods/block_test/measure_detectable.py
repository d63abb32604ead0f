"""The smallest shift of each column that a window like the measured one would show, as measurements.

`detectable_shift` has no threshold: it says what the block test can see. Its reason says which windows show a
shift of 0.2 standard deviations, or that none does with this reference and how long a one would do.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import block_sums
from service.methods.block_test.detectable import ASKED, MAX_BLOCKS, Detectable, detectable
from service.methods.block_test.statistic import window_blocks
from service.methods.block_test.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.blocks.plan import BlockPlan
    from service.core.blocks.scores import ColumnScores
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Schema
    from service.methods.block_test.model import BlockModel

METRIC = "detectable_shift"
FEW_LABELS = "no label holds 2 % of the reference's rows: changes of single labels are not said"
STEADY = "does not vary in the reference: a twentieth of the rows that differ is drift"
DIGITS = 2  # of a block's rows: windows of about one size share what is said


def measure_detectable(
    model: BlockModel,
    columns: tuple[ColumnScores, ...],
    current: Profile,
    schema: Schema,
    rate: float,
    *,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Return the smallest detectable shift of every column of `schema`, or the reason why there is none."""
    found = current.get(block_sums.PART)
    said: Mapping[str, Detectable] = {}
    if withheld is None and found is not None and len(found.sub_blocks):
        window = window_blocks(model, found)
        blocks = len(window.rows)
        rows, parts = float(window.rows.sum()) / blocks, int(window.parts.max())
        said = _said(model, columns, rate, rows=float(f"{rows:.{DIGITS}g}"), blocks=blocks, parts=parts)
    kinds = {column.name: column.kind.is_category for column in schema.columns}
    return tuple(
        _measured(name, said.get(name), current.rows, model, withheld, is_label=is_label)
        for name, is_label in kinds.items()
    )


def sentence(found: Detectable, model: BlockModel) -> str:
    """Return which windows show a shift of 0.2 standard deviations."""
    plan = model.plan
    what = f"{ASKED:g} standard deviations"
    if found.label is not None:
        what += f" of the share of {found.label!r}"
    if found.blocks is not None:
        return f"{what} show in windows of {counted(found.blocks, plan)}"
    return f"{what} never show with this reference of {counted(model.blocks, plan)}; {_would_do(found, plan)}"


def _would_do(found: Detectable, plan: BlockPlan) -> str:
    if found.needed is None:
        return f"nor would they with one of {counted(MAX_BLOCKS, plan)}"
    return f"one of about {counted(found.needed, plan)} would do"


@lru_cache(maxsize=32)
def _said(
    model: BlockModel, columns: tuple[ColumnScores, ...], rate: float, *, rows: float, blocks: int, parts: int
) -> Mapping[str, Detectable]:
    return detectable(model, columns, rate, rows=rows, blocks=blocks, parts=parts)


def _measured(
    name: str, found: Detectable | None, rows: int, model: BlockModel, withheld: str | None, *, is_label: bool
) -> Measurement:
    series = Series(
        Aspect.DRIFT,
        METRIC,
        name,
        unit="share" if is_label else "standard deviations",
        worse=Worse.HIGHER,
    )
    if found is None:
        reason = FEW_LABELS if is_label else STEADY
        return Measurement(series, None, rows, withheld or reason)
    said = sentence(found, model)
    if found.shift is None:
        return Measurement(series, None, rows, f"no shift shows in a window of this size; {said}")
    return Measurement(series, found.shift, rows, said)
