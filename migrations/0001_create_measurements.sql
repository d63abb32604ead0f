-- Why: what was measured. `series` says what a number is, `window_run` which window was measured and when (the
--      exactly-once key), `sample` holds the numbers.
-- Lock: none on what exists; everything is new.
-- Time on a big table: does not apply.

CREATE TABLE tidegauge.series (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    aspect text NOT NULL CHECK (aspect IN ('drift', 'quality', 'performance', 'health')),
    column_name text NOT NULL DEFAULT '',
    segment text NOT NULL DEFAULT '',
    metric text NOT NULL,
    definition text NOT NULL DEFAULT '',
    unit text NOT NULL DEFAULT '',
    worse text NOT NULL CHECK (worse IN ('higher', 'lower', 'both')),
    UNIQUE (monitor, aspect, column_name, segment, metric, definition)
);

COMMENT ON TABLE tidegauge.series IS 'What a number is; one row for each number that a monitor keeps measuring.';
COMMENT ON COLUMN tidegauge.series.column_name IS 'Empty for a number about the whole window.';
COMMENT ON COLUMN tidegauge.series.worse IS 'Which way the number gets worse: a distance upwards, a p-value downwards.';

CREATE TABLE tidegauge.window_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    layout text NOT NULL,
    first_pane bigint NOT NULL,
    last_pane bigint NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    panes integer NOT NULL,
    rows bigint NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(),
    CHECK (first_pane <= last_pane),
    UNIQUE (monitor, layout, first_pane, last_pane, revision)
);

CREATE INDEX window_run_by_event_time ON tidegauge.window_run (monitor, window_end);
CREATE INDEX window_run_by_age ON tidegauge.window_run (computed_at);

COMMENT ON TABLE tidegauge.window_run IS
    'One measuring of one window. Late rows or labels measure it again under the next revision; nothing is edited.';

-- Append only. No foreign key to window_run: both are written by one transaction, and retention drops whole
-- partitions before it deletes the runs that they belonged to.
CREATE TABLE tidegauge.sample (
    run_id bigint NOT NULL,
    series_id bigint NOT NULL REFERENCES tidegauge.series (id),
    window_end timestamptz NOT NULL,
    computed_at timestamptz NOT NULL,
    value double precision,
    threshold double precision,
    breached boolean,
    error_bound double precision,
    low double precision,
    high double precision,
    reference double precision,
    rows bigint NOT NULL,
    reason text,
    CONSTRAINT sample_value_or_reason CHECK (value IS NOT NULL OR reason IS NOT NULL),
    -- NaN sorts above Infinity, so this leaves out all three; any of them would break a chart. NULL passes.
    CONSTRAINT sample_value_finite CHECK (value > '-Infinity' AND value < 'Infinity'),
    CONSTRAINT sample_others_finite CHECK (
        threshold > '-Infinity' AND threshold < 'Infinity'
        AND error_bound > '-Infinity' AND error_bound < 'Infinity'
        AND low > '-Infinity' AND low < 'Infinity'
        AND high > '-Infinity' AND high < 'Infinity'
        AND reference > '-Infinity' AND reference < 'Infinity'
    )
) PARTITION BY RANGE (computed_at);

-- The live axis, and the event-time axis that also keeps a series from standing twice in a run.
CREATE INDEX sample_by_computed_at ON tidegauge.sample (series_id, computed_at);
CREATE UNIQUE INDEX sample_by_window_end ON tidegauge.sample (series_id, window_end, run_id, computed_at);

COMMENT ON TABLE tidegauge.sample IS 'The numbers, partitioned by month (UTC) of computed_at.';
COMMENT ON COLUMN tidegauge.sample.value IS 'Always finite; NULL where there is no number, and `reason` says why.';
COMMENT ON COLUMN tidegauge.sample.reference IS 'The same number measured on the reference.';
COMMENT ON COLUMN tidegauge.sample.error_bound IS 'How far the value can lie from the exact one; NULL where it is exact.';

-- Makes the partition for an instant's month. ATTACH, unlike CREATE ... PARTITION OF, stops neither readers nor
-- writers of the other months; the advisory lock lets one starter at a time do it.
CREATE FUNCTION tidegauge.ensure_sample_partition(instant timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    month_start CONSTANT timestamp := date_trunc('month', instant AT TIME ZONE 'UTC');
    range_start CONSTANT timestamptz := month_start AT TIME ZONE 'UTC';
    range_end CONSTANT timestamptz := (month_start + interval '1 month') AT TIME ZONE 'UTC';
    partition_name CONSTANT text := 'sample_' || to_char(month_start, 'YYYY_MM');
BEGIN
    IF to_regclass('tidegauge.' || partition_name) IS NOT NULL THEN
        RETURN range_end;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tidegauge.sample', 0));
    -- Asked of the catalogue itself: to_regclass may still remember that there was none before the wait.
    IF EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'tidegauge' AND c.relname = partition_name
    ) THEN
        RETURN range_end;
    END IF;
    EXECUTE format('CREATE TABLE tidegauge.%I (LIKE tidegauge.sample INCLUDING ALL)', partition_name);
    EXECUTE format('ALTER TABLE tidegauge.sample ATTACH PARTITION tidegauge.%I FOR VALUES FROM (%L) TO (%L)',
                   partition_name, range_start, range_end);
    RETURN range_end;
END;
$$;

COMMENT ON FUNCTION tidegauge.ensure_sample_partition IS
    'Makes the partition of sample for the month (UTC) of an instant; returns where that month ends.';
