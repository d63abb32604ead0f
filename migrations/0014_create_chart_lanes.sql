-- Why: a timeline drew a monitor's last state up to the right edge, however long ago its last window was measured, and
--      lanes of several monitors had no time in common. A lane now has a point at each step of a common grid, and
--      says where there was no window.
-- Lock: none on what exists; the functions are new.
-- Time on a big table: does not apply; a function holds nothing.

-- The times are found one by one, each by the index: several windows may have been measured in one cycle.
CREATE FUNCTION tidegauge.window_gap(of_monitor text, axis text, until timestamptz) RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE recent (at, place) AS (
        SELECT until, 0
        UNION ALL
        SELECT CASE WHEN axis = 'window_end' THEN (
            SELECT w.window_end FROM tidegauge.window_run w WHERE w.monitor = of_monitor AND w.window_end < recent.at
            ORDER BY w.window_end DESC LIMIT 1
        ) ELSE (
            SELECT w.computed_at FROM tidegauge.window_run w WHERE w.monitor = of_monitor AND w.computed_at < recent.at
            ORDER BY w.computed_at DESC LIMIT 1
        ) END, recent.place + 1
        FROM recent WHERE recent.at IS NOT NULL AND recent.place < 13
    )
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gaps.gap)
    FROM (
        SELECT lag(recent.at) OVER (ORDER BY recent.place) - recent.at AS gap FROM recent WHERE recent.place > 0
    ) gaps
$$;

COMMENT ON FUNCTION tidegauge.window_gap IS
    'From window to window on a time axis, the median of the last twelve before an instant; NULL for fewer than two.';

CREATE FUNCTION tidegauge.chart_lanes(
    of_monitor text, axis text, since timestamptz, until timestamptz, points integer
) RETURNS TABLE ("time" timestamptz, run_id bigint) LANGUAGE sql STABLE PARALLEL SAFE ROWS 250 AS $$
    WITH step AS (
        SELECT greatest(extract(epoch FROM until - since)::double precision / points, 0.001) AS seconds
    ), grid AS (
        SELECT step.seconds, floor(extract(epoch FROM since)::double precision / step.seconds) AS first,
            -- As with a monitor that is silent: three times the usual, 30 seconds at least. One window has no usual.
            CASE WHEN usual.gap IS NULL THEN 'Infinity' ELSE 3 * greatest(extract(epoch FROM usual.gap), 10) END
                AS patience
        FROM step CROSS JOIN (SELECT tidegauge.window_gap(of_monitor, axis, until) AS gap) usual
    ), shown AS (
        SELECT DISTINCT ON (place) place, found.at, found.run_id
        FROM (
            SELECT (floor(extract(epoch FROM w."time")::double precision / grid.seconds) - grid.first)::integer AS place,
                w."time" AS at, w.run_id
            FROM grid CROSS JOIN tidegauge.chart_windows(of_monitor, axis, since, until, points) w
            UNION ALL
            -- The one before the range began: its state holds on into it.
            SELECT -1, earlier.at, earlier.id
            FROM (
                (
                    SELECT w.window_end AS at, w.id FROM tidegauge.window_run w
                    WHERE axis = 'window_end' AND w.monitor = of_monitor AND w.window_end < since
                    ORDER BY w.window_end DESC, w.revision DESC, w.computed_at DESC LIMIT 1
                )
                UNION ALL
                (
                    SELECT w.computed_at, w.id FROM tidegauge.window_run w
                    WHERE axis <> 'window_end' AND w.monitor = of_monitor AND w.computed_at < since
                    ORDER BY w.computed_at DESC, w.window_end DESC LIMIT 1
                )
            ) earlier
        ) found
        ORDER BY place, found.at DESC
    ), lanes AS (
        SELECT place, max(shown.place) OVER (ORDER BY place) AS newest
        FROM generate_series(-1, points) AS place LEFT JOIN shown USING (place)
    )
    SELECT greatest(since, to_timestamp((grid.first + lanes.place) * grid.seconds)),
        CASE
            WHEN lanes.place = lanes.newest
                OR (grid.first + lanes.place) * grid.seconds - extract(epoch FROM shown.at)::double precision
                    <= grid.patience
            THEN shown.run_id
        END
    FROM grid CROSS JOIN lanes LEFT JOIN shown ON shown.place = lanes.newest
    WHERE lanes.place >= 0 AND to_timestamp((grid.first + lanes.place) * grid.seconds) <= until
    ORDER BY 1
$$;

COMMENT ON FUNCTION tidegauge.chart_lanes IS
    'For each of so many points of a range, alike for all monitors, the window whose state holds there; NULL for none.';

SELECT tidegauge.grant_reader();
