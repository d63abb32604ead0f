-- Why: how long the database takes to answer, how far a replay has come and how many rows a second a cycle takes
--      belong to the service's health; the first two are logged, the third follows from what was.
-- Lock: ACCESS EXCLUSIVE on cycle_log, for a change of the catalogue only, and on the view.
-- Time on a big table: none; columns without a default rewrite no row.

ALTER TABLE tidegauge.cycle_log
    ADD COLUMN round_trip_ms double precision,
    ADD COLUMN progress double precision;

COMMENT ON COLUMN tidegauge.cycle_log.duration_ms IS
    'By the service''s own steady clock, from the cycle''s start to this row: all but the rest of its transaction.';
COMMENT ON COLUMN tidegauge.cycle_log.round_trip_ms IS 'How long the database took to begin the cycle''s transaction.';
COMMENT ON COLUMN tidegauge.cycle_log.progress IS 'Share of the source that was read, 0 to 1; NULL where it has no end.';

-- The same columns as before, so that the views above it stay as they are.
CREATE OR REPLACE VIEW tidegauge.cycle_metrics AS
SELECT
    c.monitor, 'health'::text AS aspect, ''::text AS column_name, ''::text AS segment, h.metric,
    ''::text AS definition, h.unit, h.worse, c.slot AS window_start, c.slot AS window_end,
    c.finished_at AS computed_at, h.value, NULL::double precision AS reference,
    NULL::double precision AS threshold, NULL::boolean AS breached, NULL::double precision AS severity,
    NULL::double precision AS error_bound, NULL::double precision AS low, NULL::double precision AS high,
    c.rows,
    CASE
        WHEN h.value IS NOT NULL THEN NULL
        WHEN h.metric = 'rows_per_second' AND c.rows = 0 THEN 'no rows were taken'
        WHEN h.metric = 'rows_per_second' THEN 'the cycle was logged without a duration'
        WHEN c.progress IS NOT NULL THEN 'past rows are replayed at a pace of their own: see progress_share'
        ELSE 'the source does not say how far behind it is'
    END AS reason,
    1 AS revision
FROM tidegauge.cycle_log c
CROSS JOIN LATERAL (
    VALUES
        ('cycle_ms'::text, 'ms'::text, 'higher'::text, c.duration_ms, c.outcome <> 'skipped'),
        ('cycle_rows', 'rows', 'both', c.rows::double precision, c.outcome NOT IN ('skipped', 'failed')),
        ('rows_per_second', 'rows a second', 'lower',
            CASE WHEN c.rows > 0 THEN c.rows * 1000 / nullif(c.duration_ms, 0) END,
            c.outcome NOT IN ('skipped', 'failed')),
        ('database_round_trip_ms', 'ms', 'higher', c.round_trip_ms, c.round_trip_ms IS NOT NULL),
        ('skipped_cycles', 'cycles', 'higher',
            CASE WHEN c.outcome = 'skipped' THEN c.slots ELSE 0 END::double precision, true),
        ('failed_cycles', 'cycles', 'higher',
            CASE WHEN c.outcome = 'failed' THEN 1 ELSE 0 END::double precision, true),
        ('rejected_rows', 'rows', 'higher', c.rejected::double precision,
            c.outcome NOT IN ('skipped', 'failed')),
        ('lag_seconds', 'seconds', 'higher', c.lag_seconds, c.outcome NOT IN ('skipped', 'failed')),
        ('progress_share', 'share', 'both', c.progress, c.progress IS NOT NULL)
) AS h (metric, unit, worse, value, known)
WHERE h.known;
