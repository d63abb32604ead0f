-- Why: where each monitor stands (checkpoint, panes) and how its cycles went (log, rejected rows, events).
-- Lock: none on what exists; everything is new.
-- Time on a big table: does not apply.

CREATE TABLE tidegauge.pane (
    monitor text NOT NULL,
    layout text NOT NULL,
    key bigint NOT NULL,
    pane_start timestamptz NOT NULL,
    pane_end timestamptz NOT NULL,
    rows bigint NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (monitor, layout, key)
);

COMMENT ON TABLE tidegauge.pane IS 'The profile of one slice of event time, as bytes that start with their format version.';
COMMENT ON COLUMN tidegauge.pane.layout IS 'Fingerprint of the columns and the pane size; other layouts are never mixed in.';

CREATE TABLE tidegauge.checkpoint (
    monitor text PRIMARY KEY,
    cycle bigint NOT NULL CHECK (cycle >= 1),
    position jsonb,
    rows bigint NOT NULL,
    watermark timestamptz,
    closed bigint,
    layout text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE tidegauge.checkpoint IS
    'How far a monitor''s source has been read, written in the transaction that holds what was measured from it.';
COMMENT ON COLUMN tidegauge.checkpoint.cycle IS 'Committed cycles; a commit must follow this number by one.';

CREATE TABLE tidegauge.cycle_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    slot timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('measured', 'advanced', 'idle', 'skipped', 'failed')),
    slots integer NOT NULL DEFAULT 1 CHECK (slots >= 1),
    rows bigint NOT NULL DEFAULT 0,
    windows integer NOT NULL DEFAULT 0,
    measurements integer NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    duration_ms double precision NOT NULL DEFAULT 0,
    lag_seconds double precision CHECK (lag_seconds > '-Infinity' AND lag_seconds < 'Infinity'),
    error text
);

CREATE INDEX cycle_log_by_finished_at ON tidegauge.cycle_log (monitor, finished_at);
CREATE INDEX cycle_log_by_slot ON tidegauge.cycle_log (monitor, slot);
CREATE INDEX cycle_log_by_age ON tidegauge.cycle_log (finished_at);

COMMENT ON TABLE tidegauge.cycle_log IS 'Service health: one row a cycle; one row for a run of skipped slots.';
COMMENT ON COLUMN tidegauge.cycle_log.slots IS 'How many grid points the row stands for; above 1 only where skipped.';

CREATE TABLE tidegauge.rejected_row (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    "row" jsonb NOT NULL
);

CREATE INDEX rejected_row_by_received_at ON tidegauge.rejected_row (monitor, received_at);

COMMENT ON TABLE tidegauge.rejected_row IS 'Input that could not be used, as it came, and why.';

CREATE TABLE tidegauge.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    column_name text NOT NULL DEFAULT '',
    metric text NOT NULL DEFAULT '',
    message text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX event_by_at ON tidegauge.event (monitor, at);
CREATE INDEX event_by_recorded_at ON tidegauge.event (monitor, recorded_at);

COMMENT ON TABLE tidegauge.event IS 'Breaches, recoveries, schema changes: marks on a chart. `at` is event time.';
