"""Read a column's distribution in a window, in another one and in the reference, by the bins to draw."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from service.core.read_models import ColumnDistribution, DistributionBin, MeasuredWindow
from service.store.driver_errors import translated
from service.store.queries import READ_SECONDS

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

# Windows of two plans may end together: the one that was measured last counts. `against` is another window.
_DISTRIBUTION = """
WITH shown AS (
    SELECT w.*, d.bins_id FROM tidegauge.window_run w
    JOIN tidegauge.window_distribution d ON d.run_id = w.id
    JOIN tidegauge.column_bins b ON b.id = d.bins_id AND b.column_name = $2
    WHERE w.monitor = $1 AND w.window_end = coalesce(
        $3, (SELECT max(m.window_end) FROM tidegauge.window_run m WHERE m.monitor = $1)
    )
    ORDER BY w.computed_at DESC, w.revision DESC LIMIT 1
), against AS (
    SELECT w.*, d.bins_id FROM tidegauge.window_run w
    JOIN tidegauge.window_distribution d ON d.run_id = w.id
    JOIN tidegauge.column_bins b ON b.id = d.bins_id AND b.column_name = $2
    WHERE w.monitor = $1 AND w.window_end = $4
    ORDER BY w.computed_at DESC, w.revision DESC LIMIT 1
), drawn AS (
    SELECT c.* FROM shown s CROSS JOIN LATERAL tidegauge.drawn_bins(
        s.bins_id, ARRAY[s.id, (SELECT a.id FROM against a WHERE a.bins_id = s.bins_id)]
    ) c
)
SELECT now.label, now.low, now.high, now.further, now.counted::float8 / nullif(s.rows, 0) AS share,
    now.reference_counted::float8 / nullif(now.reference_rows, 0) AS reference_share,
    other.counted::float8 / nullif(a.rows, 0) AS against_share,
    s.window_start, s.window_end, s.revision, s.rows, s.computed_at,
    a.window_start AS against_start, a.window_end AS against_end, a.revision AS against_revision,
    a.rows AS against_rows, a.computed_at AS against_computed_at, a.bins_id = s.bins_id AS alike
FROM shown s JOIN drawn now ON now.run_id = s.id
LEFT JOIN against a ON true
LEFT JOIN drawn other ON other.run_id = a.id AND other.bin = now.bin
ORDER BY now.bin
"""


async def read(
    pool: asyncpg.Pool,
    *,
    monitor: str,
    column: str,
    window_end: datetime | None,
    against_end: datetime | None = None,
) -> ColumnDistribution:
    """Return a column's bins in the window that ends then, else in the newest. Raises StoreError.

    With `against_end` each bin has the share of the window that ends then as well.
    """
    with translated("read a distribution"):
        arguments = (monitor, column, window_end, against_end)
        rows = await pool.fetch(_DISTRIBUTION, *arguments, timeout=READ_SECONDS)
    if not rows:
        return ColumnDistribution(column_name=column, window=None, bins=[])
    names, first = [field.name for field in fields(DistributionBin)], rows[0]
    reason = None
    if against_end is not None and first["against_end"] is None:
        reason = "no window with values of this column ends then"
    elif first["alike"] is False:
        reason = "that window was counted in the bins of another reference"
    against = None
    if reason is None and first["against_end"] is not None:
        against = MeasuredWindow(
            window_start=first["against_start"],
            window_end=first["against_end"],
            revision=first["against_revision"],
            rows=first["against_rows"],
            computed_at=first["against_computed_at"],
        )
    return ColumnDistribution(
        column_name=column,
        window=MeasuredWindow(**{field.name: first[field.name] for field in fields(MeasuredWindow)}),
        against=against,
        against_reason=reason,
        bins=[DistributionBin(**{name: row[name] for name in names}) for row in rows],
    )
