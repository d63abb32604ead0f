-- Why: rows and labels that are sent by HTTP are kept here from the moment they are accepted until the cycle that
--      measures them forgets them in its own transaction, so that none is lost and none counts twice.
-- Lock: ACCESS EXCLUSIVE on cycle_log, for a change of the catalogue only, and on the view.
-- Time on a big table: none; a column without a default rewrites no row.

CREATE TABLE tidegauge.inbox_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('rows', 'labels')),
    received_at timestamptz NOT NULL,
    rows bigint NOT NULL,
    rejected bigint NOT NULL,
    rejects jsonb NOT NULL,
    payload bytea NOT NULL
);

-- Columns of numbers hardly compress, and a batch lives for a cycle.
ALTER TABLE tidegauge.inbox_batch ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX inbox_batch_by_monitor ON tidegauge.inbox_batch (monitor, id);

COMMENT ON TABLE tidegauge.inbox_batch IS
    'Rows and labels that were accepted and wait for a cycle; deleted in the transaction that measures them.';
COMMENT ON COLUMN tidegauge.inbox_batch.rows IS 'How many of the rows that came can be used; they are in payload.';
COMMENT ON COLUMN tidegauge.inbox_batch.rejected IS 'How many cannot; the first of them are in rejects.';
COMMENT ON COLUMN tidegauge.inbox_batch.payload IS 'Typed columns, as bytes that start with their format version.';

CREATE TABLE tidegauge.inbox_key (
    monitor text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    answer jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (monitor, kind, key)
);

CREATE INDEX inbox_key_by_age ON tidegauge.inbox_key (received_at);

COMMENT ON TABLE tidegauge.inbox_key IS
    'Idempotency keys of the last seven days: what is sent again under a key gets the same answer and counts once.';
COMMENT ON COLUMN tidegauge.inbox_key.digest IS 'Of the content; other content under the same key is refused.';

CREATE TABLE tidegauge.inbox_label (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    identity bigint NOT NULL,
    labelled_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    content jsonb NOT NULL
);

CREATE INDEX inbox_label_by_identity ON tidegauge.inbox_label (monitor, identity);
CREATE INDEX inbox_label_by_age ON tidegauge.inbox_label (monitor, received_at);

COMMENT ON TABLE tidegauge.inbox_label IS 'Labels that came ahead of their rows, and wait for them.';
COMMENT ON COLUMN tidegauge.inbox_label.identity IS 'The id''s 64-bit hash.';

ALTER TABLE tidegauge.cycle_log ADD COLUMN backlog_rows bigint;

COMMENT ON COLUMN tidegauge.cycle_log.backlog_rows IS
    'Accepted rows that waited after the cycle; NULL where the source keeps none.';

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
        ('backlog_rows', 'rows', 'higher', c.backlog_rows::double precision, c.backlog_rows IS NOT NULL)
) AS h (metric, unit, worse, value, known)
WHERE h.known;

SELECT tidegauge.grant_reader();
