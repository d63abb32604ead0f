"""Shares that move from block to block, judged by their log-odds.

The share of a day's rows that are missing, or hold a label, has a long tail to one side: with 31 days whose
log-odds are normal, one of .87 where the largest so far was .21 is no drift, though it lies ten deviations
from the mean. Where blocks differ by more than their rows explain, the p-value of the mean log-odds is the
stricter one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.methods.block_test.model import OVERDISPERSED, day_types
from service.methods.stats.p_values import two_sided_t

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.methods.block_test.model import BlockModel

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]


def moving_shares(model: BlockModel) -> Marks:
    """Mark the components that are shares which move from block to block."""
    moving = model.between > OVERDISPERSED * model.within
    return np.asarray(~np.isnan(model.ends[0]) & moving & ~model.dead)


def p_of_log_odds(
    model: BlockModel, rows: Floats, means: Floats, inflation: Floats, components: Marks
) -> Floats:
    """Return the p-values of the mean log-odds of a window's blocks, of the marked components.

    `rows` and `means` (less the reference's) are by block; `inflation` is the variance of the difference of
    means in units of that of one block (shape (k,)).
    """
    low, high = model.ends[:, components]
    centre = (model.centre[components] - low) / (high - low)
    known = _log_odds(model.means[:, components] / (high - low) + centre, model.block_rows)
    found = _log_odds(means[:, components] / (high - low) + centre, rows)
    apart = (rows / rows.sum()) @ found - known.mean(axis=0)
    freedom = max(model.blocks - day_types(model.plan), 1)
    spread = known.var(axis=0) * (model.blocks / freedom) * inflation[components]
    # Blocks of fewer rows than usual have noisier log-odds.
    weights = rows / rows.sum()
    noise = np.maximum((weights**2 * (1.0 / rows - 1.0 / model.typical)).sum(), 0.0)
    spread = spread + noise / np.maximum(centre * (1.0 - centre), 1e-6)
    t = apart / np.sqrt(np.maximum(spread, 1e-12))
    return two_sided_t(t, float(freedom))


def _log_odds(shares: Floats, rows: Floats) -> Floats:
    held = np.clip(shares, 0.0, 1.0) * rows[:, None]
    return np.asarray(np.log((held + 0.5) / (rows[:, None] - held + 0.5)))
