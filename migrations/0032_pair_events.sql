-- Why: KServe's logger sends a request and its response as two events, in any order. Each is kept from the moment it is
--      accepted, and waits for the other one across restarts, until a cycle measures the pair in its own transaction.
-- Lock: ACCESS EXCLUSIVE on inbox_batch for as long as its rows are checked against the new constraint, on cycle_log
--       for a change of the catalogue only, and on the view.
-- Time on a big table: inbox_batch holds what waits for a cycle; 2,000,000 rows of it are checked in seconds.

ALTER TABLE tidegauge.inbox_batch DROP CONSTRAINT inbox_batch_kind_check;
ALTER TABLE tidegauge.inbox_batch
    ADD CONSTRAINT inbox_batch_kind_check CHECK (kind IN ('rows', 'labels', 'events'));

CREATE TABLE tidegauge.inbox_half (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    pair text NOT NULL,
    received_at timestamptz NOT NULL,
    payload bytea NOT NULL
);

CREATE INDEX inbox_half_by_pair ON tidegauge.inbox_half (monitor, pair);
CREATE INDEX inbox_half_by_age ON tidegauge.inbox_half (monitor, received_at);

COMMENT ON TABLE tidegauge.inbox_half IS
    'Events that a cycle took and that wait for their other halves, such as requests for their responses.';
COMMENT ON COLUMN tidegauge.inbox_half.pair IS 'The id that both halves have.';

ALTER TABLE tidegauge.cycle_log
    ADD COLUMN waiting_events bigint,
    ADD COLUMN unpaired_events bigint;

COMMENT ON COLUMN tidegauge.cycle_log.waiting_events IS
    'Events that waited for their other halves after the cycle; NULL where the source pairs none.';
COMMENT ON COLUMN tidegauge.cycle_log.unpaired_events IS
    'Events whose other halves did not come in time, given up by this cycle; likewise.';

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
        ('cycle_rows', 'rows', 'both', c.rows::double precision, c.outcome NOT IN ('skipped', 'failed', 'waiting')),
        ('rows_per_second', 'rows a second', 'lower',
            CASE WHEN c.rows > 0 THEN c.rows * 1000 / nullif(c.duration_ms, 0) END,
            c.outcome NOT IN ('skipped', 'failed', 'waiting')),
        ('database_round_trip_ms', 'ms', 'higher', c.round_trip_ms, c.round_trip_ms IS NOT NULL),
        ('skipped_cycles', 'cycles', 'higher',
            CASE WHEN c.outcome = 'skipped' THEN c.slots ELSE 0 END::double precision, true),
        ('failed_cycles', 'cycles', 'higher',
            CASE WHEN c.outcome = 'failed' THEN 1 ELSE 0 END::double precision, true),
        ('rejected_rows', 'rows', 'higher', c.rejected::double precision,
            c.outcome NOT IN ('skipped', 'failed', 'waiting')),
        ('lag_seconds', 'seconds', 'higher', c.lag_seconds, c.outcome NOT IN ('skipped', 'failed', 'waiting')),
        ('progress_share', 'share', 'both', c.progress, c.progress IS NOT NULL),
        ('backlog_rows', 'rows', 'higher', c.backlog_rows::double precision, c.backlog_rows IS NOT NULL),
        ('repeated_rows', 'rows', 'higher', c.duplicates::double precision, c.duplicates IS NOT NULL),
        ('waiting_events', 'events', 'higher', c.waiting_events::double precision, c.waiting_events IS NOT NULL),
        ('unpaired_events', 'events', 'higher', c.unpaired_events::double precision,
            c.unpaired_events IS NOT NULL)
) AS h (metric, unit, worse, value, known)
WHERE h.known;

-- As before, and nobody who reads dashboards reads events as they were sent.
CREATE OR REPLACE FUNCTION tidegauge.grant_reader() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegauge_reader') THEN
        RETURN false;
    END IF;
    GRANT USAGE ON SCHEMA tidegauge TO tidegauge_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA tidegauge TO tidegauge_reader;
    ALTER DEFAULT PRIVILEGES IN SCHEMA tidegauge GRANT SELECT ON TABLES TO tidegauge_reader;
    REVOKE ALL ON tidegauge.access_token FROM tidegauge_reader;
    REVOKE ALL ON tidegauge.inbox_batch, tidegauge.inbox_label, tidegauge.inbox_half FROM tidegauge_reader;
    RETURN true;
END;
$$;

SELECT tidegauge.grant_reader();
