"""The columns that say where a model errs: those whose cells foretell the loss of rows that were held out.

The reference's rows are cut into blocks that follow on each other, not at random: rows of one hour share
their weather, and a column that only tells the hours apart foretells every row but those of another hour. Of
each block in turn the loss is foretold from the others, by ridge regression on the cells (A. E. Hoerl and
R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal problems", 1970). A column is taken
where it makes the squared error smaller, over all blocks and in at least four of the five.

Everything needed is a table of counts and sums by cell and block, so that rows are passed over once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

BLOCKS = 5
BLOCKS_BETTER = 4
PENALTY = 10.0  # so many rows of a cell count half
MAX_CELLS = 300  # of the columns that are tried together: 25 of numbers, half a second of work


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Rows and loss by block and cell: all that a least-squares fit needs.

    Attributes:
        pairs: The rows in each two cells (float64, shape (blocks, k, k)).
        sums: The loss in each cell (float64, shape (blocks, k)).
        rows: The block's rows (float64, shape (blocks,)).
        total: The block's loss (float64, shape (blocks,)).
        squares: The block's squared loss (float64, shape (blocks,)).
        places: Which of the k cells are a column's.

    """

    pairs: Floats
    sums: Floats
    rows: Floats
    total: Floats
    squares: Floats
    places: Mapping[str, slice]

    def of(self, columns: Sequence[str]) -> Moments:
        """Return the moments over the cells of `columns` alone, in that order."""
        wanted = [np.arange(self.places[name].start, self.places[name].stop) for name in columns]
        chosen = np.concatenate([np.zeros(0, dtype=np.intp), *wanted])
        pairs = self.pairs[:, chosen[:, None], chosen]
        places = _places({name: len(cells) for name, cells in zip(columns, wanted, strict=True)})
        return Moments(pairs, self.sums[:, chosen], self.rows, self.total, self.squares, places)


def blocks_of(rows: int) -> Codes:
    """Return the block of each of `rows` rows in their order (intp, shape (rows,))."""
    return np.arange(rows) * BLOCKS // max(rows, 1)


def moments_of(cells: Mapping[str, Codes], sizes: Mapping[str, int], loss: Floats, blocks: Codes) -> Moments:
    """Count rows by the `cells` of each column (intp, shape (n,), below its size), and sum their `loss`."""
    places = _places({name: sizes[name] for name in cells})
    width = sum(sizes[name] for name in cells)
    pairs, sums = np.zeros((BLOCKS, width, width)), np.zeros((BLOCKS, width))
    names = list(cells)
    for index, name in enumerate(names):
        at, size = places[name], sizes[name]
        code = blocks * size + cells[name]
        sums[:, at] = np.bincount(code, loss, BLOCKS * size).reshape(BLOCKS, size)
        for other in names[index:]:
            place, breadth = places[other], sizes[other]
            both = np.bincount(code * breadth + cells[other], minlength=BLOCKS * size * breadth)
            table = both.reshape(BLOCKS, size, breadth)
            pairs[:, at, place] = table
            pairs[:, place, at] = table.transpose(0, 2, 1)
    return Moments(
        pairs,
        sums,
        np.bincount(blocks, minlength=BLOCKS).astype(np.float64),
        _total(blocks, loss),
        _total(blocks, loss * loss),
        places,
    )


def telling_columns(
    cells: Mapping[str, Codes], sizes: Mapping[str, int], loss: Floats, blocks: Codes
) -> tuple[str, ...]:
    """Return the columns whose cells foretell the `loss` of blocks held out, in the order given.

    Tried one after the other, the best alone first, each together with those taken before; beyond `MAX_CELLS`
    cells the columns that are worst alone are left out.
    """
    if len(loss) < 2 * BLOCKS:
        return ()
    alone = {
        name: _held_out(moments_of({name: codes}, sizes, loss, blocks)).sum() for name, codes in cells.items()
    }
    tried: list[str] = []
    for name in sorted(cells, key=lambda name: alone[name]):
        if sum(sizes[each] for each in (*tried, name)) <= MAX_CELLS:
            tried.append(name)
    moments = moments_of({name: cells[name] for name in tried}, sizes, loss, blocks)
    taken: list[str] = []
    best = _held_out(moments.of(taken))
    for name in tried:
        found = _held_out(moments.of([*taken, name]))
        if found.sum() < best.sum() and int((found < best).sum()) >= BLOCKS_BETTER:
            taken.append(name)
            best = found
    return tuple(name for name in cells if name in taken)


def centred(pairs: Floats, sums: Floats, rows: float, total: float) -> tuple[Floats, Floats]:
    """Return the cells' scatter (k, k) and their products with the loss (k,), both about the means."""
    share = np.diagonal(pairs) / rows
    return pairs - rows * np.outer(share, share), sums - share * total


def _held_out(moments: Moments) -> Floats:
    # The squared error of each block, foretold from the others.
    return np.array([_of_block(moments, block) for block in range(BLOCKS)])


def _of_block(moments: Moments, block: int) -> float:
    rest = np.arange(BLOCKS) != block
    pairs, sums = moments.pairs[rest].sum(axis=0), moments.sums[rest].sum(axis=0)
    rows, total = float(moments.rows[rest].sum()), float(moments.total[rest].sum())
    scatter, products = centred(pairs, sums, rows, total)
    effects = np.linalg.solve(scatter + PENALTY * np.eye(len(scatter)), products)
    level = (total - float(np.diagonal(pairs) @ effects)) / rows
    own, cells = moments.pairs[block], np.diagonal(moments.pairs[block])
    return float(
        moments.squares[block]
        - 2.0 * (level * moments.total[block] + moments.sums[block] @ effects)
        + level**2 * moments.rows[block]
        + 2.0 * level * (cells @ effects)
        + effects @ own @ effects
    )


def _total(blocks: Codes, values: Floats) -> Floats:
    return np.bincount(blocks, values, BLOCKS).astype(np.float64)


def _places(sizes: Mapping[str, int]) -> dict[str, slice]:
    places, start = {}, 0
    for name, size in sizes.items():
        places[name] = slice(start, start + size)
        start += size
    return places
