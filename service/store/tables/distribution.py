"""Column distributions: the bins once, and a row of counts per window and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.reference.further_bins import texts_of
from service.store.encoding import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import asyncpg

    from service.core.reference.bins import Bins
    from service.core.windows.records import WindowRecord

# The update changes nothing; with it RETURNING gives the id of bins that another store inserted first.
_BINS = """
INSERT INTO tidegauge.column_bins AS b
    (monitor, column_name, fingerprint, label, low, high, reference_counts, reference_rows,
    below, below_text, above, above_text, tail_places, tail_counts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (monitor, column_name, fingerprint) DO UPDATE SET fingerprint = excluded.fingerprint
RETURNING id
"""

# Bins that were stored before there were further ones go on, so that charts keep their history.
_ADOPTED = """
UPDATE tidegauge.column_bins SET fingerprint = $4, below = $5, below_text = $6, above = $7, above_text = $8,
    tail_places = $9, tail_counts = $10
WHERE monitor = $1 AND column_name = $2 AND fingerprint = $3 AND tail_places IS NULL
"""

_COUNTS = """
INSERT INTO tidegauge.window_distribution
    (run_id, bins_id, counts, tail_places, tail_counts, reach_below, reach_above)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def get_or_create_bins(
    connection: asyncpg.Connection, monitor: str, wanted: Iterable[Bins], known: Mapping[Bins, int]
) -> dict[Bins, int]:
    """Return the ids of the `wanted` bins that are not `known`, made where missing.

    The caller may remember them once its transaction is committed, never before.
    """
    missing = dict.fromkeys(bins for bins in wanted if bins not in known)
    return {bins: await _get_or_create(connection, monitor, bins) for bins in missing}


async def append(
    connection: asyncpg.Connection,
    windows: Sequence[WindowRecord],
    runs: Sequence[int],
    ids: Mapping[Bins, int],
) -> None:
    """Append the distributions of `windows`, entered as `runs`."""
    rows = [
        (
            run,
            ids[binned.bins],
            binned.counts,
            binned.tail.places,
            binned.tail.counts,
            binned.reach.below,
            binned.reach.above,
        )
        for run, window in zip(runs, windows, strict=True)
        for binned in window.distributions
    ]
    if rows:
        await connection.executemany(_COUNTS, rows)


async def _get_or_create(connection: asyncpg.Connection, monitor: str, bins: Bins) -> int:
    name, further = text(bins.column), bins.further
    tail = (
        further.below,
        texts_of(further.below),
        further.above,
        texts_of(further.above),
        bins.tail.places,
        bins.tail.counts,
    )
    await connection.execute(_ADOPTED, monitor, name, bins.former_fingerprint, bins.fingerprint, *tail)
    found: int = await connection.fetchval(
        _BINS,
        monitor,
        name,
        bins.fingerprint,
        [text(label) for label in bins.labels],
        bins.low,
        bins.high,
        bins.counts,
        sum(bins.counts),
        *tail,
    )
    return found
