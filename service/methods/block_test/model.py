"""How the means of a reference's blocks scatter: what a window's means are compared with.

Per component (a score of a column) the variance between blocks and within them, how neighbouring blocks go
together (AR(1), its small-sample bias taken out, shrunk over the components), how skewed the blocks' means
are, and whether a few blocks hold nearly all of it. All of it from sums by block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.blocks.plan import MIN_BLOCKS
from service.core.blocks.scores import UNIT, Aim
from service.core.season.season import SeasonKind
from service.methods.block_test.atoms import atoms_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.blocks.plan import BlockPlan
    from service.core.blocks.reference import ReferenceBlocks
    from service.core.blocks.scores import Component
    from service.core.blocks.sums import BlockSums

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Marks = NDArray[np.bool_]

# A shift of a normal column by d (small, in its own deviations) moves its mean location score by d and its
# mean spread score by sqrt(5) / 4 d^2.
BEND = 5.0**0.5 / 4.0
PRIOR = 0.2  # how far a column's bend may lie from that
LUMPY_KURTOSIS, LUMPY_SHARE = 10.0, 0.6
STEADY = 1e-6  # a variance below this is none
MAX_EXPLAINED = 0.5  # of the variance of the blocks' spread, by their location
LEAST_BETWEEN = 1e-3  # of the variance within blocks
OVERDISPERSED = 2.0  # times the mean square within blocks
_DAY_TYPES = {
    SeasonKind.WEEKEND: 2,
    SeasonKind.HOUR_WEEKEND: 2,
    SeasonKind.WEEKDAY: 7,
    SeasonKind.HOUR_OF_WEEK: 7,
}
STRETCHES = (1, 2, 3, 4, 6, 8, 12, 18)  # sub-blocks
MIN_KURTOSIS_BLOCKS = 3


@dataclass(frozen=True, slots=True, eq=False)
class BlockModel:
    """A reference's blocks, per component (arrays of shape (k,) unless said otherwise).

    Attributes:
        components: What the components are.
        plan: How rows become blocks.
        blocks, rows: How many of each the reference has.
        typical: The rows of a usual block, as the analysis of variance has it.
        centre: The mean score.
        between: The mean square between blocks.
        within: The mean square within blocks.
        block_rows: The rows of each block, shape (blocks,).
        means: The blocks' mean scores, shape (blocks, k).
        row_skew, block_skew: The skewness of rows and of block means.
        lag, lag_variance: How a block's mean goes with the next one's, and how far that may be off.
        lumpy: A few blocks hold nearly all of the variance: ranks of blocks decide, means do not.
        dead: The blocks' means never differed, or by fewer than thirty rows in all: a twentieth of a window's
            rows is drift, however few blocks there are.
        ends: Between which mean scores a share moves (`atoms.py`); NaN for other components, shape (2, k).
        echo: The blocks' spread goes with their location, as where most rows have one value and the share of
            the others moves both: it is not judged a second time.
        bend: What a block's squared location adds to its spread, by column with a spread.
        bent: The shift of the mean that taking a block's location out of its spread makes.
        full: How many sub-blocks a usual block holds.
        stretches: The variance of the mean of a stretch of `STRETCHES[i]` sub-blocks beyond that of a whole
            block, shape (len(STRETCHES), k).

    """

    components: tuple[Component, ...]
    plan: BlockPlan
    blocks: int
    rows: int
    typical: float
    centre: Floats
    between: Floats
    within: Floats
    block_rows: Floats
    means: Floats
    row_skew: Floats
    block_skew: Floats
    lag: Floats
    lag_variance: float
    lumpy: Marks
    dead: Marks
    ends: Floats
    echo: Marks
    bend: Floats
    bent: Floats
    full: int
    stretches: Floats

    @property
    def is_ready(self) -> bool:
        """Whether there are enough blocks to judge by."""
        return self.blocks >= MIN_BLOCKS


def fit(reference: ReferenceBlocks) -> BlockModel:
    """Fit the model to a reference with at least one row."""
    components = reference.spec.components
    rows, sums = by_block(reference.sums, reference.spec.plan)
    total, blocks = float(rows.sum()), len(rows)
    centre = sums.sum(axis=0) / total
    sums = sums - rows[:, None] * centre
    variance = np.maximum(reference.second - centre**2, 0.0)
    cube = reference.third - 3.0 * centre * reference.second + 2.0 * centre**3
    within = (total * variance - (sums**2 / rows[:, None]).sum(axis=0)) / max(total - blocks, 1.0)
    within = np.maximum(within, 1e-12)
    bend, echo = _bend(sums, rows, components, within), _echo(sums / rows[:, None], components)
    sums = unbent(sums, rows, components, within, bend)
    bent = sums.sum(axis=0) / total
    means = sums / rows[:, None] - bent
    freedom = max(blocks - day_types(reference.spec.plan), 1)
    typical = (total - (rows**2).sum() / total) / freedom if blocks > 1 else total
    between = (rows[:, None] * (means - np.average(means, axis=0, weights=rows)) ** 2).sum(axis=0) / freedom
    between = np.maximum(between, LEAST_BETWEEN * within)
    centred = means - means.mean(axis=0)
    deviation = centred.std(axis=0)
    live = deviation > STEADY**1.5
    scaled = centred / np.where(live, deviation * (blocks / freedom) ** 0.5, 1.0)
    lag, lag_variance = _lag(scaled, live)
    full, stretches = _stretches(reference, centre, within, between, typical)
    atoms = atoms_of(reference.spec)
    lumpy = (scaled**4).mean(axis=0) > min(LUMPY_KURTOSIS, LUMPY_SHARE * blocks)
    lumpy |= atoms.mixed & (between > OVERDISPERSED * within)
    return BlockModel(
        components,
        reference.spec.plan,
        blocks,
        int(total),
        typical,
        centre,
        between,
        within,
        rows,
        means,
        cube / np.maximum(variance, STEADY**1.5) ** 1.5,
        _skewness(scaled),
        lag,
        lag_variance,
        lumpy,
        ~live | atoms.few,
        atoms.ends,
        echo,
        bend,
        bent,
        full,
        stretches,
    )


def day_types(plan: BlockPlan) -> int:
    """Return how many kinds of day the season tells apart: as many means are taken from the blocks."""
    return _DAY_TYPES.get(plan.season.kind, 1)


def by_block(sums: BlockSums, plan: BlockPlan) -> tuple[Floats, Floats]:
    """Return the rows (shape (b,)) and the sums of scores (shape (b, k)) of each block, in order of time."""
    if not len(sums.sub_blocks):
        return np.zeros(0), np.zeros(sums.sums.shape)
    starts = np.flatnonzero(np.diff(plan.blocks(sums.sub_blocks), prepend=np.iinfo(np.int64).min))
    rows = np.add.reduceat(sums.rows, starts).astype(np.float64)
    return rows, np.add.reduceat(sums.sums, starts, axis=0) / UNIT


def _spreads(components: tuple[Component, ...]) -> NDArray[np.intp]:
    # Where the scores of spread are; the location of the same column is the one before.
    return np.array([i for i, each in enumerate(components) if each.aim is Aim.SPREAD], dtype=np.intp)


def _bend(sums: Floats, rows: Floats, components: tuple[Component, ...], within: Floats) -> Floats:
    # How a block's spread goes with its squared location: by least squares, drawn towards that of a normal
    # column with small shifts.
    spread = _spreads(components)
    location = (sums[:, spread - 1] / rows[:, None]) ** 2 - within[spread - 1] / rows[:, None]
    wide = sums[:, spread] / rows[:, None]
    centred = location - location.mean(axis=0)
    square = (centred**2).sum(axis=0)
    noise = within[spread] / np.median(rows)
    prior = noise / PRIOR**2
    return np.asarray(((wide * centred).sum(axis=0) + prior * BEND) / (square + prior))


def _echo(means: Floats, components: tuple[Component, ...]) -> Marks:
    spread = _spreads(components)
    apart = means - means.mean(axis=0)
    location, wide = apart[:, spread - 1], apart[:, spread]
    explained = (location * wide).sum(axis=0) ** 2
    found = np.zeros(len(components), dtype=np.bool_)
    found[spread] = explained > MAX_EXPLAINED * (location**2).sum(axis=0) * (wide**2).sum(axis=0)
    return found


def unbent(
    sums: Floats, rows: Floats, components: tuple[Component, ...], within: Floats, bend: Floats
) -> Floats:
    """Take from the blocks' spread what their location explains: a day that lies apart is not wide for that.

    `sums` are centred, shape (blocks, k).
    """
    spread = _spreads(components)
    if not len(spread):
        return sums
    location = spread - 1
    bent = sums.copy()
    bent[:, spread] -= bend * (sums[:, location] ** 2 / rows[:, None] - within[location])
    return bent


def _skewness(scaled: Floats) -> Floats:
    blocks = len(scaled)
    if blocks < MIN_KURTOSIS_BLOCKS:
        return np.zeros(scaled.shape[1])
    return np.asarray((scaled**3).mean(axis=0) * blocks**2 / (blocks - 1.0) / (blocks - 2.0))


def _lag(scaled: Floats, live: Marks) -> tuple[Floats, float]:
    # The small-sample bias of an AR(1)'s coefficient is about -(1 + 3 r) / B; shrunk by empirical Bayes.
    blocks = len(scaled)
    if blocks < MIN_BLOCKS or not live.any():
        return np.zeros(scaled.shape[1]), 0.0
    found = (scaled[1:] * scaled[:-1]).sum(axis=0) / (blocks - 1)
    found = np.clip(found + (1.0 + 3.0 * found) / blocks, -0.5, 0.9)
    centre = max(float(found[live].mean()), 0.0)
    noise = (1.0 - min(centre, 0.9) ** 2) / blocks
    real = max(float(found[live].var()) - noise, noise * 0.25)
    lag = np.clip(centre + (found - centre) * real / (real + noise), 0.0, 0.9)
    return lag, real * noise / (real + noise)


def _stretches(
    reference: ReferenceBlocks, centre: Floats, within: Floats, between: Floats, typical: float
) -> tuple[int, Floats]:
    sums, parts = reference.sums, reference.spec.plan.parts
    blocks = reference.spec.plan.blocks(sums.sub_blocks)
    full = int(np.median(np.unique(blocks, return_counts=True)[1]))
    found = np.zeros((len(STRETCHES), len(centre)))
    whole = np.maximum(between - within, 0.0) / typical
    for place, length in enumerate(STRETCHES):
        if length >= min(full, parts):
            break
        key = blocks * parts + (sums.sub_blocks - blocks * parts) // length
        starts = np.flatnonzero(np.diff(key, prepend=np.iinfo(np.int64).min))
        rows = np.add.reduceat(sums.rows, starts).astype(np.float64)
        apart = np.add.reduceat(sums.sums, starts, axis=0) / UNIT - rows[:, None] * centre
        count, total = len(rows), rows.sum()
        if count < MIN_BLOCKS:
            continue
        square = (apart**2 / rows[:, None]).sum(axis=0) / (count - 1)
        size = (total - (rows**2).sum() / total) / (count - 1)
        found[place] = np.maximum(np.maximum(square - within, 0.0) / size - whole, 0.0)
    return full, found
