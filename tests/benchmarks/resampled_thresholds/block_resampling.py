"""Draw windows from the reference in circular blocks, so that neighbouring rows stay together.

A window of n rows is made of blocks of consecutive rows (H. R. Kunsch, 1989; circular: D. N. Politis and
J. P. Romano, 1992): rows of one moment share their weather, their outage or their batch, and n such rows say
less than n rows drawn one by one. With a period (a day, unless given, where the reference spans two
weeks) the blocks are spread evenly over its phases, each from a random day. This is the idea of the
generalised seasonal block bootstrap (A. E. Dudek, J. Leskow, E. Paparoditis, D. N. Politis, 2014).

How long the blocks are decides what a calibration promises. Blocks as long as the window (subsampling,
D. N. Politis and J. P. Romano, 1994) resemble the consecutive rows that a monitor sees. `short(n)`,
ceil(n^(1/3)) rows (P. Hall, J. L. Horowitz and B.-Y. Jing, 1995), make windows that are more alike: small
shifts are found, and where a stream's level wanders for hours or days nearly every real window alarms.
docs/benchmarks/calibration.md has the figures of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY = 86_400_000_000  # microseconds
MIN_PERIODS = 14  # fewer days than that are no sample of days


@dataclass(frozen=True, slots=True)
class Resampling:
    """Windows of `rows` rows out of `len(by_phase)` reference rows, in blocks of `block` consecutive ones.

    `by_phase` holds the reference's rows (intp, shape (reference rows,)) in the order of their phase within
    the period, None where blocks start anywhere.
    """

    rows: int
    block: int
    reference_rows: int
    by_phase: NDArray[np.intp] | None = None


def short(rows: int) -> int:
    """Return the length of short blocks for windows of `rows` rows: ceil(rows^(1/3))."""
    return math.ceil(round(math.cbrt(rows), 9))


def plan(event_time: NDArray[np.int64], rows: int, *, block: int, period: int | None = None) -> Resampling:
    """Plan the drawing of windows of `rows` rows from rows in time order (`event_time`: UTC microseconds).

    `block` rows per block, at most the window and the reference. `period` in microseconds; None takes a day
    where the reference spans 14 of them, 0 takes none. Raises ConfigurationError where there is no row to
    draw, or a number is out of its range.
    """
    if not len(event_time):
        raise ConfigurationError("calibration: the reference holds no rows; expected at least one")
    for name, value, least in (("rows", rows, 1), ("block", block, 1), ("period", period, 0)):
        if value is not None and value < least:
            raise ConfigurationError(f"calibration: {name} is {value}; expected {least} or more")
    length = min(block, rows, len(event_time))
    if period is None:
        span = int(event_time.max()) - int(event_time.min())
        period = DAY if span >= MIN_PERIODS * DAY else 0
    by_phase = np.argsort(event_time % period, kind="stable") if period else None
    return Resampling(rows, length, len(event_time), by_phase)


def draw(resampling: Resampling, windows: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Draw windows: the reference rows of each, intp, shape (windows, resampling.rows).

    Every row of the reference is drawn equally often on average. The last block of a window is cut to fit.
    """
    blocks = -(-resampling.rows // resampling.block)
    places = random.random((windows, blocks))
    if resampling.by_phase is not None:
        places = (np.arange(blocks) + places) / blocks
        # Cutting the last block must not always cut the same phase.
        places = random.permuted(places, axis=1)
    starts = np.minimum((places * resampling.reference_rows).astype(np.intp), resampling.reference_rows - 1)
    if resampling.by_phase is not None:
        starts = resampling.by_phase[starts]
    rows = starts[:, :, None] + np.arange(resampling.block)
    return rows.reshape(windows, -1)[:, : resampling.rows] % resampling.reference_rows
