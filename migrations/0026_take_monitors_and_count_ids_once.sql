-- Why: `deduplicate: id` counts a row once however often it comes; the ids of the rows that counted are kept until
--      their times lie beyond its horizon, and forgotten and added in the transaction that counts the rows.
-- Lock: ACCESS EXCLUSIVE on cycle_log and inbox_audit, for a change of the catalogue only, and on the view.
-- Time on a big table: none; a column without a default, or with a constant one, rewrites no row.

CREATE TABLE tidegauge.counted_id (
    monitor text NOT NULL,
    identity bigint NOT NULL,
    "check" bigint NOT NULL,
    event_us bigint NOT NULL
);

CREATE INDEX counted_id_by_identity ON tidegauge.counted_id (monitor, identity);
CREATE INDEX counted_id_by_time ON tidegauge.counted_id (monitor, event_us);

COMMENT ON TABLE tidegauge.counted_id IS
    'Ids of the rows that counted, of monitors with `deduplicate`; forgotten beyond its horizon.';
COMMENT ON COLUMN tidegauge.counted_id.identity IS 'The id''s 64-bit hash.';
COMMENT ON COLUMN tidegauge.counted_id."check" IS 'A second 64-bit hash of it: ids are one where both are equal.';
COMMENT ON COLUMN tidegauge.counted_id.event_us IS 'The row''s event time, microseconds since 1970.';

ALTER TABLE tidegauge.inbox_audit
    ADD COLUMN duplicate_rows bigint NOT NULL DEFAULT 0,
    ADD COLUMN duplicate_ids numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN duplicate_mixed numeric(20) NOT NULL DEFAULT 0;

COMMENT ON COLUMN tidegauge.inbox_audit.duplicate_rows IS
    'Rows that were accepted and not counted, as a row of their id had counted before.';

ALTER TABLE tidegauge.cycle_log ADD COLUMN duplicates bigint;

COMMENT ON COLUMN tidegauge.cycle_log.duplicates IS
    'Rows that were not counted, as a row of their id had counted before; NULL where ids are not compared.';

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
        ('progress_share', 'share', 'both', c.progress, c.progress IS NOT NULL),
        ('backlog_rows', 'rows', 'higher', c.backlog_rows::double precision, c.backlog_rows IS NOT NULL),
        ('repeated_rows', 'rows', 'higher', c.duplicates::double precision, c.duplicates IS NOT NULL)
) AS h (metric, unit, worse, value, known)
WHERE h.known;

SELECT tidegauge.grant_reader();
