"""What the test says of a window: a p-value per column, and which component and scale speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.methods.block_test.statistic import location_share, p_values, scales_of, window_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.blocks.scores import Component
    from service.core.blocks.sums import BlockSums
    from service.methods.block_test.model import BlockModel


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one column.

    Attributes:
        p: The p-value, adjusted for all columns, components and scales: below the rate asked for it alarms.
        component: The component with the least p-value.
        blocks: The trailing blocks of the window in which it is least.
        shift: How far the mean score moved there.

    """

    p: float
    component: Component
    blocks: int
    shift: float


def judge(model: BlockModel, sums: BlockSums) -> Mapping[str, Verdict]:
    """Return the verdict on each column that has a value in the reference, for a window with rows."""
    window = window_blocks(model, sums)
    scales = scales_of(len(window.rows))
    found = p_values(model, window) * location_share(model) * len(scales)
    verdicts: dict[str, Verdict] = {}
    scale, least = found.argmin(axis=0), found.min(axis=0)
    for place, component in enumerate(model.components):
        p = float(min(least[place], 1.0))
        if component.column not in verdicts or p < verdicts[component.column].p:
            trailing = window.trailing(scales[scale[place]])
            shift = float(np.average(trailing.means[:, place], weights=trailing.rows))
            verdicts[component.column] = Verdict(p, component, len(trailing.rows), shift)
    return verdicts
