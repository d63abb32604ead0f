"""Series: created when first measured; the caller remembers their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.encoding import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import asyncpg

    from service.core.measurement import Series

# A series whose unit, direction or headline has changed since an earlier version takes the new one.
_INSERT = """
WITH wanted AS (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::smallint[])
        WITH ORDINALITY AS w (aspect, column_name, segment, metric, definition, unit, worse, headline, place)
), changed AS (
    INSERT INTO tidegauge.series AS s
        (monitor, aspect, column_name, segment, metric, definition, unit, worse, headline)
    SELECT $1, w.aspect, w.column_name, w.segment, w.metric, w.definition, w.unit, w.worse, w.headline
    FROM wanted w
    LEFT JOIN tidegauge.series known ON known.monitor = $1 AND known.aspect = w.aspect
        AND known.column_name = w.column_name AND known.segment = w.segment AND known.metric = w.metric
        AND known.definition = w.definition
    WHERE (known.unit, known.worse, known.headline) IS DISTINCT FROM (w.unit, w.worse, w.headline)
    ON CONFLICT (monitor, aspect, column_name, segment, metric, definition)
    DO UPDATE SET unit = excluded.unit, worse = excluded.worse, headline = excluded.headline
    RETURNING id, aspect, column_name, segment, metric, definition
), present AS (
    SELECT id, aspect, column_name, segment, metric, definition FROM changed
    UNION
    SELECT id, aspect, column_name, segment, metric, definition FROM tidegauge.series WHERE monitor = $1
)
SELECT present.id
FROM wanted w JOIN present USING (aspect, column_name, segment, metric, definition)
ORDER BY w.place
"""


async def get_or_create(
    connection: asyncpg.Connection, monitor: str, wanted: Iterable[Series], known: Mapping[Series, int]
) -> dict[Series, int]:
    """Return the ids of the `wanted` series that are not `known`, made in one statement where missing.

    The caller may remember them once its transaction is committed, never before.
    """
    missing = list(dict.fromkeys(series for series in wanted if series not in known))
    if not missing:
        return {}
    rows = await connection.fetch(
        _INSERT,
        monitor,
        [series.aspect.value for series in missing],
        [text(series.column) for series in missing],
        [text(series.segment) for series in missing],
        [text(series.metric) for series in missing],
        [text(series.definition) for series in missing],
        [text(series.unit) for series in missing],
        [series.worse.value for series in missing],
        [series.headline for series in missing],
    )
    return {series: row["id"] for series, row in zip(missing, rows, strict=True)}
