"""Which shift of a column would alarm, in which windows: said by the alarm's own rule, at 95 % power.

A shift is in the column's own standard deviations; of labels, in the share of the most frequent one. With B
blocks in the reference no window, however long, shows a shift below about (q + 1.64) S / sqrt(B), where S is
how the blocks' means differ and q the alarm's quantile: that is said as "never with this reference", with the
blocks that one would need in whose length of window it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from service.core.blocks.scores import SHIFTS, Aim, NumberScores
from service.methods.block_test.statistic import (
    WindowBlocks,
    location_share,
    p_at_scale,
    scales_of,
    variance,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.blocks.scores import ColumnScores
    from service.methods.block_test.model import BlockModel

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

POWER = 1.6448536269514722  # the normal's 95 % point
ASKED = 0.2  # standard deviations, for which the days are said
LENGTHS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 365)
LARGEST_SCORE = 4.0
STEPS = 24
GROWTH = 1.2
MAX_BLOCKS = 3_000


@dataclass(frozen=True, slots=True)
class Detectable:
    """What can be seen of a column.

    Attributes:
        label: The label whose share is meant; None for a column of numbers.
        shift: The smallest shift that a window of this size finds; None where there is none.
        blocks: How many blocks a window must have to find a shift of 0.2; None where none does.
        needed: How many blocks a reference must have for that, where none does; None where too many.

    """

    label: str | None
    shift: float | None
    blocks: int | None
    needed: int | None


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    # The components by which shifts are said, the model of these alone, and what their p-values are held to.
    places: Places
    model: BlockModel
    limit: Floats
    asked: Floats  # the score's move for a shift of ASKED, up and down, shape (2, k)


def detectable(
    model: BlockModel, columns: tuple[ColumnScores, ...], rate: float, *, rows: float, blocks: int, parts: int
) -> Mapping[str, Detectable]:
    """Return what can be seen of each column in windows of so many `blocks` of so many `rows` each.

    `parts` is how many sub-blocks each block holds. A column that is not judged is absent.
    """
    chosen = _chosen(model, columns, rate)
    if not len(chosen.places) or not model.is_ready:
        return {}
    smallest = _smallest(chosen, _even(chosen.model, rows, blocks, parts))
    lengths, needed = _for_asked(model, columns, rate)
    by_name = {column.column: column for column in columns}
    said: dict[str, Detectable] = {}
    for i, place in enumerate(chosen.places.tolist()):
        component = model.components[place]
        said[component.column] = Detectable(
            component.label or None,
            _as_shift(by_name[component.column], smallest[:, i]),
            int(lengths[i]) or None,
            int(needed[i]) or None,
        )
    return said


@lru_cache(maxsize=16)
def _for_asked(
    model: BlockModel, columns: tuple[ColumnScores, ...], rate: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # The blocks of the windows that show a shift of ASKED, and of the reference that is needed; 0 for none.
    chosen = _chosen(model, columns, rate)
    lengths = np.zeros(len(chosen.places), dtype=np.int64)
    for length in LENGTHS:
        open_ = lengths == 0
        if open_.any():
            found = _is_found(chosen, chosen.model, length, chosen.model.typical)
            lengths[open_ & found] = length
    return lengths, _needed(chosen, lengths == 0)


def _chosen(model: BlockModel, columns: Sequence[ColumnScores], rate: float) -> _Chosen:
    by_name = {column.column: column for column in columns}
    best: dict[str, int] = {}
    for i, each in enumerate(model.components):
        if model.dead[i] or each.aim not in {Aim.LOCATION, Aim.SHARE}:
            continue
        if each.column not in best or model.centre[i] > model.centre[best[each.column]]:
            best[each.column] = i
    places = np.array(sorted(best.values()), dtype=np.intp)
    asked = np.zeros((2, len(places)))
    for i, place in enumerate(places.tolist()):
        column = by_name[model.components[place].column]
        if isinstance(column, NumberScores):
            asked[:, i] = [np.interp(ASKED, SHIFTS, side) for side in column.response]
        else:
            share = model.centre[place]
            asked[:, i] = ASKED * np.sqrt(share * (1.0 - share)) * np.array([1.0, -1.0])
    return _Chosen(places, _only(model, places), rate / location_share(model)[places], asked)


def _only(model: BlockModel, places: Places) -> BlockModel:
    return replace(
        model,
        components=tuple(model.components[i] for i in places.tolist()),
        **{
            name: getattr(model, name)[places]
            for name in (
                "centre",
                "between",
                "within",
                "row_skew",
                "block_skew",
                "lag",
                "lumpy",
                "dead",
                "echo",
            )
        },
        means=model.means[:, places],
        ends=model.ends[:, places],
        stretches=model.stretches[:, places],
        bent=model.bent[places],
        bend=np.zeros(0),
    )


def _even(model: BlockModel, rows: float, blocks: int, parts: int) -> WindowBlocks:
    return WindowBlocks(
        np.full(blocks, rows), np.full(blocks, parts, dtype=np.int64), np.zeros((blocks, len(model.centre)))
    )


def _alarms(chosen: _Chosen, model: BlockModel, window: WindowBlocks, moved: Floats) -> NDArray[np.bool_]:
    # Whether a move of the mean scores (shape (k,)) alarms in 95 % of such windows.
    noise = POWER * np.sqrt(variance(model, window))
    kept = np.sign(moved) * np.maximum(np.abs(moved) - noise, 0.0)
    means = np.tile(kept, (len(window.rows), 1))
    p = p_at_scale(model, replace(window, means=means))
    return np.asarray(p * len(scales_of(len(window.rows))) <= chosen.limit)


def _is_found(chosen: _Chosen, model: BlockModel, blocks: int, rows: float) -> NDArray[np.bool_]:
    window = _even(model, rows, blocks, model.full)
    sides = [_alarms(chosen, model, window, side) for side in chosen.asked]
    return np.asarray(sides[0] & sides[1])


def _smallest(chosen: _Chosen, window: WindowBlocks) -> Floats:
    # By bisection, up and down: the least moves that alarm (shape (2, k)), infinite where none does.
    found = np.empty((2, len(chosen.places)))
    for i, sign in enumerate((1.0, -1.0)):
        low, high = np.zeros(len(chosen.places)), np.full(len(chosen.places), LARGEST_SCORE)
        never = ~_alarms(chosen, chosen.model, window, sign * high)
        for _ in range(STEPS):
            middle = (low + high) / 2.0
            alarms = _alarms(chosen, chosen.model, window, sign * middle)
            high, low = np.where(alarms, middle, high), np.where(alarms, low, middle)
        found[i] = np.where(never, np.inf, high)
    return found


def _needed(chosen: _Chosen, never: NDArray[np.bool_]) -> NDArray[np.int64]:
    # The blocks of a reference that finds the shift in windows as long as itself; 0 where too many.
    found = np.zeros(len(never), dtype=np.int64)
    model, blocks = chosen.model, float(chosen.model.blocks)
    never = never & ~model.lumpy
    while (never & (found == 0)).any() and blocks * GROWTH <= MAX_BLOCKS:
        blocks *= GROWTH
        count = round(blocks)
        larger = replace(
            model,
            blocks=count,
            rows=round(model.rows * count / model.blocks),
            lag_variance=model.lag_variance * model.blocks / count,
        )
        window = _even(larger, model.typical, count, model.full)
        sides = [_alarms(chosen, larger, window, side) for side in chosen.asked]
        found[never & (found == 0) & sides[0] & sides[1]] = count
    return found


def _as_shift(column: ColumnScores, moves: Floats) -> float | None:
    # The worse of both directions, in the column's standard deviations or as a share.
    if not isinstance(column, NumberScores):
        return float(moves.max()) if moves.max() < 1.0 else None
    shifts = []
    for move, response in zip(moves.tolist(), np.abs(column.response), strict=True):
        if not np.isfinite(move) or not np.isfinite(response).all() or move > response.max():
            return None
        shifts.append(float(np.interp(move, np.maximum.accumulate(response), SHIFTS)))
    return max(shifts)
