"""p-values of a window's components: the trailing 1, 2, 5 and 10 blocks and the whole window at once.

The distance between a window's mean and the reference's, in units of its standard deviation: variance between
blocks and within them, of the window and of the reference both. Degrees of freedom by Satterthwaite. A t of
skewed means is wrong by orders of magnitude where hundreds of tests are made, so the stricter of it and of
one with the statistic's skewness counts (E. B. Wilson and M. M. Hilferty's root of a gamma, 1931). Where a
few blocks of the reference hold nearly all variance, the ranks of blocks decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.blocks.scores import Aim
from service.methods.block_test.model import STRETCHES, by_block, day_types, unbent
from service.methods.block_test.shares import moving_shares, p_of_log_odds
from service.methods.stats.p_values import two_sided_t

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.blocks.sums import BlockSums
    from service.methods.block_test.model import BlockModel

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

SCALES = (1, 2, 5, 10)  # trailing blocks, judged with the whole window
LEAST_VARIANCE = 0.2  # of what independent rows would have
MAX_LAG = 0.95
LAG_STEP = 0.02
NOTHING = 1e-20  # of a variance
ROUNDING = 1e-9
HAIR = 0.05  # of the deviation of block means
WEEK = 7
PART_POWER = 1.5
MIN_SKEW, MAX_SKEW = 1e-3, 3.0
# A column that hardly varied has no chance of its own: a twentieth of the window's rows that differ is drift,
# if that is five rows, and twice what any block of the reference had.
NEW_SHARE, NEW_ROWS, NEW_TIMES, NEW_P = 0.05, 5.0, 2.0, 1e-12
_LARGEST = dict.fromkeys(Aim, 1.0) | {Aim.LOCATION: 3.0**0.5, Aim.SPREAD: 1.5 * 5.0**0.5}


@dataclass(frozen=True, slots=True, eq=False)
class WindowBlocks:
    """A window by block, in order of time.

    Attributes:
        rows: The rows of each block (float64, shape (b,)).
        parts: How many sub-blocks each holds (int64, shape (b,)).
        means: The mean scores less the reference's, shape (b, k).

    """

    rows: Floats
    parts: Ints
    means: Floats

    def trailing(self, blocks: int) -> WindowBlocks:
        """Return the last `blocks` blocks."""
        return WindowBlocks(self.rows[-blocks:], self.parts[-blocks:], self.means[-blocks:])


def window_blocks(model: BlockModel, sums: BlockSums) -> WindowBlocks:
    """Return a window's blocks as the model counts them."""
    rows, found = by_block(sums, model.plan)
    found = found - rows[:, None] * model.centre
    found = unbent(found, rows, model.components, model.within, model.bend)
    parts = np.unique(model.plan.blocks(sums.sub_blocks), return_counts=True)[1]
    return WindowBlocks(rows, parts, found / rows[:, None] - model.bent)


def scales_of(blocks: int) -> tuple[int, ...]:
    """Return the trailing blocks that a window of so many blocks is judged by."""
    return (*(scale for scale in SCALES if scale < blocks), blocks)


def p_values(model: BlockModel, window: WindowBlocks) -> Floats:
    """Return a p-value per scale and component (shape (scales, k))."""
    return np.array([p_at_scale(model, window.trailing(scale)) for scale in scales_of(len(window.rows))])


def variance(model: BlockModel, window: WindowBlocks) -> Floats:
    """Return the variance of the difference of the means, per component."""
    return _moments(model, window)[0]


def p_at_scale(model: BlockModel, window: WindowBlocks) -> Floats:
    """Return the p-value of each component for the blocks of a window all together."""
    weights, total = window.rows / window.rows.sum(), window.rows.sum()
    spread, freedom = _moments(model, window)
    t = (weights @ window.means) / np.sqrt(spread)
    found = two_sided_t(t, freedom)
    size = np.sqrt((weights**2).sum() + 1.0 / model.blocks)
    # Part of a block is less skewed than a block; its few rows may be more so.
    part = np.clip((weights**2).sum() * model.between / model.typical / spread, 0.0, 1.0) ** PART_POWER
    of_rows = model.row_skew / np.sqrt(total) * np.clip(model.within / total / spread, 0.0, 1.0) ** PART_POWER
    skew = model.block_skew * part * ((weights**3).sum() - model.blocks**-2.0) / size**3
    skew = np.where(np.abs(of_rows) > np.abs(skew), of_rows, skew)
    skew = skew + 3.0 * model.block_skew / (model.blocks * size)  # T is studentised by the same blocks
    centred = t - model.block_skew / (2.0 * model.blocks * size)
    found = np.maximum(found, 2.0 * _skewed(centred, skew, freedom))
    moving = moving_shares(model)
    if moving.any():
        inflation = _coefficients(model, window.rows, weights, model.lag)[0] * model.typical
        stricter = p_of_log_odds(model, window.rows, window.means, inflation, moving)
        found[moving] = np.maximum(found[moving], stricter)
    if model.lumpy.any():
        found = np.where(model.lumpy, _records(model.means, window.means), found)
    found = np.where(model.echo, 1.0, np.minimum(found, 1.0))
    return np.where(model.dead, np.where(_is_new(model, window, weights), NEW_P, 1.0), found)


def _is_new(model: BlockModel, window: WindowBlocks, weights: Floats) -> NDArray[np.bool_]:
    moved = np.abs(weights @ window.means) / np.array([_LARGEST[each.aim] for each in model.components])
    known = np.abs(model.means).max(axis=0) / np.array([_LARGEST[each.aim] for each in model.components])
    enough = np.maximum(NEW_SHARE, NEW_ROWS / window.rows.sum())
    return np.asarray((moved > enough) & (moved > NEW_TIMES * known))


def _moments(model: BlockModel, window: WindowBlocks) -> tuple[Floats, Floats]:
    weights, total = window.rows / window.rows.sum(), window.rows.sum()
    lag, blocks = model.lag, model.blocks
    between, rest = _coefficients(model, window.rows, weights, lag)
    least = LEAST_VARIANCE * model.within * (1.0 / total + 1.0 / model.rows)
    spread = np.maximum(
        between * model.between + rest * model.within + _partial(model, window, weights), least
    )
    shifted = _coefficients(model, window.rows, weights, np.minimum(lag + LAG_STEP, MAX_LAG))[0]
    slope = np.log(shifted / between) / LAG_STEP
    freedom = max(blocks - day_types(model.plan), 1) * (1.0 - lag**2) / (1.0 + lag**2)
    relative = (between * model.between / spread) ** 2 * (2.0 / freedom + slope**2 * model.lag_variance)
    relative += (rest * model.within / spread) ** 2 * 2.0 / max(model.rows - blocks, 1)
    return spread, np.maximum(2.0 / relative, 1.5)


def _coefficients(model: BlockModel, rows: Floats, weights: Floats, lag: Floats) -> tuple[Floats, float]:
    # The variance is the first times the mean square between blocks plus the second times that within.
    count, blocks = len(rows), model.blocks
    own = float((weights**2).sum())
    apart = np.arange(1, min(count, _reach(lag)))
    together = np.zeros(len(lag))
    if len(apart):
        products = np.array([(weights[: count - k] * weights[k:]).sum() for k in apart])
        together = 2.0 * (products[:, None] * lag ** apart[:, None]).sum(axis=0)
    k = np.arange(1, blocks)[:, None]
    inflation = 1.0 + 2.0 * ((1.0 - k / blocks) * lag**k).sum(axis=0)
    # The sample variance of blocks that go together is too small.
    bias = (1.0 - inflation / blocks) * blocks / (blocks - 1.0)
    first = (own + together + _type_share(model, count) * inflation / blocks) / bias / model.typical
    return first, float((weights**2 / rows).sum()) - own / model.typical


def _reach(lag: Floats) -> int:
    # From how many blocks apart two of them go together less than a float can tell: a window may have many.
    most = float(lag.max(initial=0.0))
    return math.ceil(math.log(NOTHING) / math.log(most)) + 1 if most > 0.0 else 1


def _type_share(model: BlockModel, count: int) -> float:
    # A window of one kind of day is compared with that kind alone, of which the reference has fewer blocks.
    types = day_types(model.plan)
    if types == 1 or count >= WEEK:
        return 1.0
    return WEEK / count if types == WEEK else WEEK / 2.0


def _partial(model: BlockModel, window: WindowBlocks, weights: Floats) -> Floats:
    # What the blocks that are shorter than a usual one add to the variance.
    added = np.zeros(len(model.centre))
    for weight, parts in zip(weights.tolist(), window.parts.tolist(), strict=True):
        if parts < model.full:
            place = sum(length <= parts for length in STRETCHES) - 1
            added += weight**2 * model.stretches[place]
    return added


def _records(reference: Floats, window: Floats) -> Floats:
    # p of as many window blocks beyond the reference's largest (smallest), were all blocks exchangeable. What
    # is known of a label by the other blocks wobbles by a hair, and days of equal content are no record.
    blocks, count = len(reference), len(window)
    hair = ROUNDING + HAIR * reference.std(axis=0)
    above = (window > reference.max(axis=0) + hair).sum(axis=0)
    below = (window < reference.min(axis=0) - hair).sum(axis=0)
    left = [(count - i) / (blocks + count - i) for i in range(count)]
    steps = np.cumprod(np.array([1.0, *left]))
    return np.asarray(np.minimum(1.0, 2.0 * steps[np.maximum(above, below)]))


def _skewed(t: Floats, skew: Floats, freedom: Floats) -> Floats:
    # One-sided p of a t with this skewness.
    skew = np.where(np.abs(skew) < MIN_SKEW, MIN_SKEW, np.clip(skew, -MAX_SKEW, MAX_SKEW))
    shape, sign = 4.0 / skew**2, np.sign(skew)
    root = np.cbrt(np.maximum(1.0 + sign * t / np.sqrt(shape), 1e-12))
    z = 3.0 * np.sqrt(shape) * (root - 1.0 + 1.0 / (9.0 * shape)) * sign
    return two_sided_t(z, freedom) / 2.0


def location_share(model: BlockModel) -> Floats:
    """Return by what each component's p-value is multiplied, so that location has half of the budget."""
    live = ~model.dead
    location = np.array([each.aim is Aim.LOCATION for each in model.components], dtype=np.bool_)
    count, own = int(live.sum()), int((live & location).sum())
    if not 0 < own < count:
        return np.full(len(live), float(max(count, 1)))
    return np.where(location, 2.0 * own, 2.0 * (count - own))
