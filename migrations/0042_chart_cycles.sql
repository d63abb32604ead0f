-- Why: a chart of cycles read every cycle of its range, seconds for a year of them. It now reads some of each span of time.
-- Lock: SHARE on cycle_log, so that cycles wait, for as long as its rows are looked through for the index.
-- Time on a big table: 3,000,000 cycles are looked through in seconds; few of them are in the index.

-- Cycles that failed or were skipped are few: they are counted exactly, whatever the range.
CREATE INDEX cycle_log_in_trouble ON tidegauge.cycle_log (monitor, finished_at) WHERE outcome IN ('skipped', 'failed');

CREATE FUNCTION tidegauge.chart_cycles(
    of_monitor text, since timestamptz, until timestamptz, spans integer
) RETURNS TABLE (
    finished_at timestamptz, rows bigint, duration_ms double precision, round_trip_ms double precision,
    lag_seconds double precision, backlog_rows bigint, duplicates bigint, waiting_events bigint,
    unpaired_events bigint, seconds double precision
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 5000 AS $$
    SELECT c.finished_at, c.rows, c.duration_ms, c.round_trip_ms, c.lag_seconds, c.backlog_rows, c.duplicates,
        c.waiting_events, c.unpaired_events, extract(epoch FROM c.finished_at - CASE
            WHEN c.before IS NOT NULL THEN c.before ELSE (
                SELECT l.finished_at FROM tidegauge.cycle_log l
                WHERE l.monitor = of_monitor AND l.finished_at < c.finished_at AND l.outcome <> 'skipped'
                ORDER BY l.finished_at DESC LIMIT 1
            )
        END)::double precision
    FROM generate_series(0, spans - 1) AS place
    CROSS JOIN LATERAL (
        SELECT x.*, lag(x.finished_at) OVER (ORDER BY x.finished_at, x.id) AS before
        FROM (
            SELECT l.* FROM tidegauge.cycle_log l
            WHERE l.monitor = of_monitor AND l.outcome <> 'skipped'
              AND l.finished_at >= since + (until - since) * (place::double precision / spans)
              AND l.finished_at < since + (until - since) * ((place + 1)::double precision / spans)
            ORDER BY l.finished_at DESC LIMIT 100
        ) x
    ) c
$$;

COMMENT ON FUNCTION tidegauge.chart_cycles IS
    'A monitor''s cycles in a range, at most the last 100 of each of so many spans; seconds since the cycle before.';

SELECT tidegauge.grant_reader();
