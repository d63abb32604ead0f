"""Fit the scores to a reference, and sum the reference's own rows by block.

A label of a reference row counts as unseen, and as familiar, by the *other* blocks alone, as a label of a
later window does: in the reference itself nothing is unseen. The shares of labels and the ranks of numbers
need no such care: ranked in the whole reference, a block's mean differs from its mean among the others by the
factor (N - n) / N, which is what centring on the reference's own mean takes from a block in any case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.blocks import sums
from service.core.blocks.scores import (
    BUCKETS,
    SHIFTS,
    UNIT,
    Aim,
    Component,
    LabelScores,
    NumberScores,
    absent_rows,
    bucket_of,
)
from service.core.blocks.sums import BlockSpec, BlockSums
from service.core.rows.batch import Labels, Numbers, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.blocks.plan import BlockPlan
    from service.core.blocks.scores import ColumnScores
    from service.core.rows.batch import Batch

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

KNOTS = 1_024
MANY_CELLS, SEASON_KNOTS = 7, 256  # of a season of more cells each column has as many tables: fewer knots
SAMPLE = 1_000  # values by which it is said how a shift shows
DIRECTIONS = np.array([1.0, -1.0])[:, None, None]
HAIR = 1e-6  # of a value: more than the rounding of a number in 32 bits
LARGEST = 1.7e308  # in place of infinity
MIN_COUNT = 30  # rows of the reference, from which an indicator is judged
MIN_CELL_ROWS = 20  # of a season's cell, from which its mean is expected to differ
OWN_SHARE = 0.02  # of the rows, from which a label has an indicator of its own
_LOCATION, _SPREAD = 12.0**0.5, 5.0**0.5


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceBlocks:
    """A reference by blocks.

    Attributes:
        spec: What it fixes.
        sums: Its own rows' sums; of unseen labels and of familiarity by the other blocks.
        second: The mean of each component's squared score over the rows (float64, shape (components,)).
        third: The mean of its cube.

    """

    spec: BlockSpec
    sums: BlockSums
    second: Floats
    third: Floats


def fit(batch: Batch, names: Sequence[str], plan: BlockPlan) -> ReferenceBlocks:
    """Fit the scores of the columns `names` to a reference's rows, numbered where blocks are runs."""
    scores: list[ColumnScores] = []
    squares: list[Floats] = []
    cubes: list[Floats] = []
    season, cells = plan.season.cells(batch.event_time), plan.season.size
    for name in names:
        data = batch.columns.get(name)
        found = _of_labels(name, data) if isinstance(data, Labels) else _of_numbers(name, data, season, cells)
        if found is None:
            continue
        column, weights, table = found
        scores.append(column)
        squares.append(weights @ table**2 / batch.rows)
        cubes.append(weights @ table**3 / batch.rows)
    nothing = np.zeros(0)
    second, third = np.concatenate([nothing, *squares]), np.concatenate([nothing, *cubes])
    expected, explained = _expected(batch, scores, plan)
    second -= explained
    spec, own = _by_other_blocks(batch, BlockSpec(plan, tuple(scores), expected))
    unseen = [i for i, each in enumerate(spec.components) if each.aim is Aim.UNSEEN]
    second[unseen] = third[unseen] = own.sums[:, unseen].sum(axis=0) / (UNIT * max(batch.rows, 1))
    return ReferenceBlocks(spec, own, second, third)


def _expected(batch: Batch, scores: Sequence[ColumnScores], plan: BlockPlan) -> tuple[Ints, Floats]:
    # What each cell of the season adds to the mean score, and how much of the scores' squares that explains.
    # What labels say of the other blocks is left as it is.
    components = [each for column in scores for each in column.components]
    cells, width = plan.season.size, len(components)
    if cells == 1 or not width or not batch.rows:
        return np.zeros((cells, width), dtype=np.int64), np.zeros(width)
    places = plan.season.cells(batch.event_time).astype(np.intp)
    rows = np.bincount(places, minlength=cells)
    found, held = [], []
    for column in scores:
        data = batch.columns.get(column.column)
        absent = np.bincount(places[absent_rows(data, batch.rows)], minlength=cells)
        of_column = column.sums(data, places, cells, places.astype(np.int16))
        counts = np.tile(rows[:, None], len(column.components))
        valued = slice(0, len(column.components) - column.missing)
        counts[:, valued] -= absent[:, None]
        if isinstance(column, LabelScores):
            of_column[:, valued] -= absent[:, None] * column.neutral
        found.append(of_column)
        held.append(counts)
    total, known = np.concatenate(found, axis=1) / UNIT, np.concatenate(held, axis=1)
    means = total / np.maximum(known, 1)
    apart = np.where(
        known >= MIN_CELL_ROWS, means - total.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0.0
    )
    apart[:, [each.aim in {Aim.FAMILIARITY, Aim.UNSEEN} for each in components]] = 0.0
    explained = (known / batch.rows * (2.0 * apart * means - apart**2)).sum(axis=0)
    return np.round(apart * UNIT).astype(np.int64), explained


Fitted = tuple["ColumnScores", "Floats", "Floats"]  # with each place's rows and its scores


def _of_numbers(
    name: str, data: Numbers | Texts | None, season: NDArray[np.int16], cells: int
) -> Fitted | None:
    if data is None:
        return None
    values = data.values if isinstance(data, Numbers) else data.lengths
    present = ~np.isnan(values)
    held = np.clip(values[present], -LARGEST, LARGEST)
    if not len(held):
        return None
    absent = len(values) - len(held)
    of_row = season[present].astype(np.intp)
    if cells == 1:
        ordered = np.sort(held)
    else:
        order = np.argsort(held, kind="stable")
        ordered, of_row = held[order], of_row[order]
    edges = _edges(ordered, KNOTS if cells <= MANY_CELLS else SEASON_KNOTS)
    ends = np.concatenate(([0], np.searchsorted(ordered, edges, side="left"), [len(ordered)]))
    width = len(edges) + 1
    places = np.repeat(np.arange(width), np.diff(ends))
    counts = np.bincount(of_row * width + places, minlength=cells * width).reshape(cells, width)
    scores = _ranked(counts)
    table = np.round(scores * UNIT).astype(np.int32)
    response = _response(ordered, of_row, edges, table[:, 0] / UNIT)
    column = NumberScores(name, edges, table, counts.sum(axis=0), absent >= MIN_COUNT, response)
    weights = counts.ravel().astype(np.float64)
    said = np.moveaxis(table, 1, 2).reshape(-1, 2) / UNIT
    if column.missing:
        weights = np.append(weights, absent)
        said = np.vstack((np.hstack((said, np.zeros((len(said), 1)))), (0.0, 0.0, 1.0)))
    return column, weights, said


def _ranked(counts: Ints) -> Floats:
    # The scores of values by cell of the season, shape (cells, 2, width). A row of the reference is ranked
    # among those of its own cell; where these are few, among all.
    rows = counts.sum(axis=1)
    thin = rows < MIN_CELL_ROWS if len(counts) > 1 else np.zeros(1, dtype=np.bool_)
    counts = np.where(thin[:, None], counts.sum(axis=0), counts)
    rows = counts.sum(axis=1, keepdims=True)
    ranks = (np.cumsum(counts, axis=1) - counts / 2.0) / rows - 0.5
    scores = np.stack((_LOCATION * ranks, _SPREAD * (6.0 * ranks**2 - 0.5)), axis=1)
    scores -= ((scores * counts[:, None]).sum(axis=2) / rows)[:, :, None]
    return np.asarray(scores)


def _edges(ordered: Floats, most: int) -> Floats:
    # Of few distinct values each has a cell up to half the way to its neighbours: a rounding that moves all
    # of them by a hair is no drift. Of many, or of a single one, the quantiles have cells of their own, with
    # those between them.
    distinct = ordered[np.flatnonzero(np.diff(ordered, prepend=np.nan) != 0)]
    if 1 < len(distinct) <= most:
        low, high = distinct[:-1], distinct[1:]
        middle = low / 2.0 + high / 2.0
        return np.where(middle <= low, high, middle)
    knots = np.unique(ordered[np.linspace(0, len(ordered) - 1, most).round().astype(np.intp)])
    hair = np.abs(knots) * HAIR
    edges = np.stack((knots - hair, np.nextafter(knots + hair, np.inf)), axis=1).ravel()
    return np.asarray(np.maximum.accumulate(edges))


def _response(ordered: Floats, season: NDArray[np.intp], edges: Floats, scores: Floats) -> Floats:
    chosen = np.linspace(0, len(ordered) - 1, min(SAMPLE, len(ordered))).round().astype(np.intp)
    sample = ordered[chosen]
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = float(ordered.std())
        moved = sample + deviation * np.array(SHIFTS)[:, None] * DIRECTIONS
    if not deviation > 0.0 or not np.isfinite(moved).all():
        return np.full((2, len(SHIFTS)), np.nan)
    found = scores[season[chosen], np.searchsorted(edges, moved, side="right")].mean(axis=2)
    return np.asarray(found - found[:, :1])


def _of_labels(name: str, data: Labels) -> Fitted | None:
    tally = np.bincount(data.codes + 1, minlength=len(data.labels) + 1)
    absent, tally = int(tally[0]), tally[1:]
    seen = np.flatnonzero(tally)
    if not len(seen):
        return None
    labels, counts = data.labels[seen], tally[seen]
    own = counts >= max(OWN_SHARE * len(data.codes), MIN_COUNT)
    names = labels.tolist()
    components = [Component(name, Aim.SHARE, names[i]) for i in np.flatnonzero(own)]
    columns = [np.arange(len(labels)) == i for i in np.flatnonzero(own)]
    buckets = np.full(BUCKETS, -1, dtype=np.intp)
    if counts[~own].sum() >= MIN_COUNT:
        held = np.array([-1 if own[i] else bucket_of(names[i]) for i in range(len(names))])
        for bucket in range(BUCKETS):
            if counts[held == bucket].sum() >= MIN_COUNT:
                buckets[bucket] = len(components)
                components.append(Component(name, Aim.BUCKET, str(bucket)))
                columns.append(held == bucket)
        components += [Component(name, Aim.FAMILIARITY), Component(name, Aim.UNSEEN)]
        columns += [np.log1p(counts), np.zeros(len(labels))]
    scores = np.array(columns, dtype=np.float64).reshape(len(columns), len(labels)).T
    if absent >= MIN_COUNT:
        components.append(Component(name, Aim.MISSING))
    table = np.round(scores * UNIT).astype(np.int64)
    neutral = np.round(counts @ (table / counts.sum())).astype(np.int64)
    column = LabelScores(name, labels, table, buckets, tuple(components), neutral)
    weights, held_scores = np.append(counts, absent).astype(np.float64), np.vstack((table, neutral)) / UNIT
    if column.missing:
        held_scores = np.hstack((held_scores, np.append(np.zeros(len(labels)), 1.0)[:, None]))
    return column, weights, held_scores


def _by_other_blocks(batch: Batch, spec: BlockSpec) -> tuple[BlockSpec, BlockSums]:
    """Return the reference's own sums, what is known of a label taken from the other blocks alone.

    A missing label counts as their mean, which the spec that is returned holds.
    """
    own = sums.of(batch, spec)
    wanted = {Aim.FAMILIARITY, Aim.UNSEEN}
    at = {(each.column, each.aim): i for i, each in enumerate(spec.components) if each.aim in wanted}
    if not at:
        return spec, own
    changed = own.sums.copy()
    groups = np.searchsorted(own.sub_blocks, spec.plan.sub_blocks(batch))
    blocks = np.unique(spec.plan.blocks(own.sub_blocks), return_inverse=True)[1][groups]
    block_rows = np.bincount(blocks)
    columns = list(spec.columns)
    for index, column in enumerate(spec.columns):
        data = batch.columns.get(column.column)
        if not isinstance(column, LabelScores) or not isinstance(data, Labels):
            continue
        if (column.column, Aim.UNSEEN) not in at:
            continue
        known = data.codes >= 0
        codes, inside, part = data.codes[known], blocks[known], groups[known]
        total = np.bincount(codes, minlength=len(data.labels))
        _, place, held = np.unique(
            inside * np.int64(len(data.labels)) + codes, return_inverse=True, return_counts=True
        )
        other = total[codes] - held[place]
        likely = other * (batch.rows / np.maximum(batch.rows - block_rows[inside], 1))
        familiar = np.round(np.log1p(likely) * UNIT)
        size, neutral = len(own.sub_blocks), column.neutral.copy()
        absent = np.bincount(groups[~known], minlength=size)
        for aim, found in (
            (Aim.FAMILIARITY, np.bincount(part, familiar, minlength=size)),
            (Aim.UNSEEN, np.bincount(part[other == 0], minlength=size) * UNIT),
        ):
            mean = round(float(found.sum()) / len(codes))
            neutral[[each.aim for each in column.components].index(aim)] = mean
            changed[:, at[column.column, aim]] = found.astype(np.int64) + absent * mean
        columns[index] = replace(column, neutral=neutral)
    spec = BlockSpec(spec.plan, tuple(columns), spec.expected)
    return spec, BlockSums(spec.fingerprint, own.sub_blocks, own.rows, changed)
