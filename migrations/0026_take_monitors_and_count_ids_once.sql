-- Why: monitors can be sent, and are kept here for every replica. `deduplicate: id` counts a row once however often it comes; the ids of the rows that counted are kept until
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

CREATE TABLE tidegauge.labelled_id (
    monitor text NOT NULL,
    identity bigint NOT NULL,
    event_us bigint NOT NULL
);

CREATE INDEX labelled_id_by_identity ON tidegauge.labelled_id (monitor, identity);
CREATE INDEX labelled_id_by_time ON tidegauge.labelled_id (monitor, event_us);

COMMENT ON TABLE tidegauge.labelled_id IS
    'Ids of rows that have their label, kept as long as a row waits for one: a second label is refused at once.';
COMMENT ON COLUMN tidegauge.labelled_id.identity IS 'The id''s 64-bit hash.';
COMMENT ON COLUMN tidegauge.labelled_id.event_us IS 'The row''s event time, microseconds since 1970.';

ALTER TABLE tidegauge.inbox_audit
    ADD COLUMN duplicate_rows bigint NOT NULL DEFAULT 0,
    ADD COLUMN duplicate_ids numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN duplicate_mixed numeric(20) NOT NULL DEFAULT 0;

COMMENT ON COLUMN tidegauge.inbox_audit.duplicate_rows IS
    'Rows that were accepted and not counted, as a row of their id had counted before.';

ALTER TABLE tidegauge.cycle_log ADD COLUMN duplicates bigint;

COMMENT ON COLUMN tidegauge.cycle_log.duplicates IS
    'Rows that were not counted, as a row of their id had counted before; NULL where ids are not compared.';

CREATE TABLE tidegauge.sent_monitor (
    monitor text PRIMARY KEY,
    content text NOT NULL,
    sent_by text NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE tidegauge.sent_monitor IS
    'Monitor files that were sent to PUT /v1/monitors/NAME; a mounted file of the same name wins.';

-- A reference is the first rows that were sent, or a stretch of their event time.
ALTER TABLE tidegauge.inbox_reference ADD COLUMN first_rows bigint, ADD COLUMN stretch tstzrange;
UPDATE tidegauge.inbox_reference SET first_rows = rows;

COMMENT ON TABLE tidegauge.inbox_reference IS
    'Rows that were sent to a monitor, where these are its reference: the first ones, or a stretch; they never change.';
COMMENT ON COLUMN tidegauge.inbox_reference.stretch IS 'Of event time; NULL where it is the first rows.';

-- A cycle that takes nothing, as the rows of its reference have not come yet, has not failed.
ALTER TABLE tidegauge.cycle_log DROP CONSTRAINT cycle_log_outcome_check;
ALTER TABLE tidegauge.cycle_log ADD CONSTRAINT cycle_log_outcome_check
    CHECK (outcome IN ('measured', 'advanced', 'idle', 'waiting', 'skipped', 'failed')) NOT VALID;

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
        ('repeated_rows', 'rows', 'higher', c.duplicates::double precision, c.duplicates IS NOT NULL)
) AS h (metric, unit, worse, value, known)
WHERE h.known;


CREATE OR REPLACE VIEW tidegauge.monitors AS
WITH RECURSIVE names AS (
    (SELECT monitor FROM tidegauge.cycle_log ORDER BY monitor LIMIT 1)
    UNION ALL
    SELECT (
        SELECT c.monitor FROM tidegauge.cycle_log c WHERE c.monitor > names.monitor ORDER BY c.monitor LIMIT 1
    )
    FROM names WHERE names.monitor IS NOT NULL
), facts AS (
    SELECT
        names.monitor, last.outcome, last.finished_at AS last_cycle_at, last.error, good.finished_at AS last_good_at,
        pace.cycle_seconds, good.lag_seconds,
        coalesce(place.ended, false) AS ended, known.file_gone_at,
        run.id AS run_id, run.window_start, run.window_end, run.computed_at AS measured_at, run.rows,
        worst.aspect AS worst_aspect, worst.severity, coalesce(breaches.breached, 0) AS breached,
        raised.alarms, raised.since AS alarm_since
    FROM names
    CROSS JOIN LATERAL (
        SELECT c.outcome, c.finished_at, c.error FROM tidegauge.cycle_log c
        WHERE c.monitor = names.monitor AND c.outcome <> 'skipped' ORDER BY c.finished_at DESC, c.id DESC LIMIT 1
    ) last
    LEFT JOIN LATERAL (
        SELECT c.finished_at, c.lag_seconds FROM tidegauge.cycle_log c
        WHERE c.monitor = names.monitor AND c.outcome NOT IN ('skipped', 'failed')
        ORDER BY c.finished_at DESC, c.id DESC LIMIT 1
    ) good ON true
    LEFT JOIN tidegauge.checkpoint place ON place.monitor = names.monitor
    LEFT JOIN tidegauge.monitor known ON known.monitor = names.monitor
    LEFT JOIN LATERAL (
        SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gaps.gap) AS cycle_seconds
        FROM (
            SELECT extract(epoch FROM recent.slot - lag(recent.slot) OVER (ORDER BY recent.slot))::double precision
                AS gap
            FROM (
                SELECT c.slot FROM tidegauge.cycle_log c
                WHERE c.monitor = names.monitor AND c.outcome NOT IN ('skipped', 'failed')
                ORDER BY c.finished_at DESC LIMIT 12
            ) recent
        ) gaps
    ) pace ON true
    LEFT JOIN tidegauge.newest_window run ON run.monitor = names.monitor
    LEFT JOIN LATERAL (
        SELECT a.aspect, a.severity FROM tidegauge.window_aspect a WHERE a.run_id = run.id AND a.severity IS NOT NULL
        ORDER BY a.breached > 0 DESC, a.severity DESC LIMIT 1
    ) worst ON true
    LEFT JOIN LATERAL (
        SELECT sum(a.breached) AS breached FROM tidegauge.window_aspect a WHERE a.run_id = run.id
    ) breaches ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS alarms, min(a.since) AS since FROM tidegauge.alarms a WHERE a.monitor = names.monitor
    ) raised ON true
    WHERE names.monitor IS NOT NULL AND known.removed_at IS NULL
), judged AS (
    SELECT f.*,
        NOT f.ended AND (f.file_gone_at IS NOT NULL OR coalesce(
            now() - f.last_good_at > make_interval(secs => greatest(3 * f.cycle_seconds, 30)), f.outcome = 'failed'
        )) AS silent
    FROM facts f
)
SELECT
    j.monitor,
    CASE
        WHEN j.outcome = 'failed' THEN 'failing'
        WHEN j.silent THEN 'silent'
        WHEN j.outcome = 'waiting' THEN 'waiting'
        WHEN j.alarms > 0 THEN 'alarm'
        WHEN j.breached > 0 THEN 'breach'
        WHEN j.run_id IS NULL OR j.severity IS NULL THEN 'waiting'
        ELSE 'fine'
    END AS state,
    CASE WHEN j.outcome = 'failed' OR j.silent THEN j.last_good_at ELSE j.alarm_since END AS since,
    CASE WHEN j.breached > 0 OR j.alarms > 0 THEN j.worst_aspect END AS worst_aspect,
    j.severity, j.breached, j.alarms, share.value AS drift_share, share.threshold AS drift_share_threshold,
    performance.metric AS performance_metric, performance.value AS performance,
    performance.reference AS performance_reference, performance.worse AS performance_worse,
    j.last_cycle_at, j.last_good_at, j.cycle_seconds, j.lag_seconds, j.silent, j.ended,
    CASE
        WHEN j.file_gone_at IS NOT NULL
            THEN 'it has no file any more; tidegauge monitor remove ' || j.monitor || ' takes it out of here'
        WHEN j.error IS NOT NULL OR NOT j.ended OR j.severity IS NOT NULL THEN j.error
        WHEN j.run_id IS NULL THEN 'the source has ended, and no window was measured'
        ELSE 'the source has ended, and nothing in its newest window was judged'
            || coalesce(': ' || unjudged.reason, '; no measurement has a threshold')
    END AS error,
    j.window_start, j.window_end, j.measured_at, j.rows, j.file_gone_at
FROM judged j
LEFT JOIN LATERAL (
    SELECT m.value, m.threshold FROM tidegauge.series s
    JOIN tidegauge.sample m ON m.series_id = s.id AND m.computed_at = j.measured_at AND m.run_id = j.run_id
    WHERE s.monitor = j.monitor AND s.aspect = 'drift' AND s.column_name = '' AND s.metric = 'drift_share'
    LIMIT 1
) share ON true
LEFT JOIN LATERAL (
    SELECT s.metric, s.worse, m.value, m.reference FROM tidegauge.series s
    JOIN tidegauge.sample m ON m.series_id = s.id AND m.computed_at = j.measured_at AND m.run_id = j.run_id
    WHERE s.monitor = j.monitor AND s.headline IS NOT NULL
    ORDER BY m.value IS NULL, s.headline LIMIT 1
) performance ON true
LEFT JOIN LATERAL (
    SELECT m.reason FROM tidegauge.series s
    JOIN tidegauge.sample m ON m.series_id = s.id AND m.computed_at = j.measured_at AND m.run_id = j.run_id
    WHERE j.ended AND j.severity IS NULL AND s.monitor = j.monitor AND m.value IS NULL
    GROUP BY m.reason ORDER BY count(*) DESC, m.reason LIMIT 1
) unjudged ON true;


COMMENT ON COLUMN tidegauge.monitors.error IS
    'Of its last cycle, or why it has none, or what it waits for, or why nothing was judged once its source has ended;'
    ' else NULL.';

CREATE OR REPLACE VIEW tidegauge.stories AS
SELECT m.monitor, m.state, m.since, a.since_event_time, CASE
        WHEN m.state = 'waiting' AND NOT m.ended AND m.error IS NOT NULL THEN 'Waiting: ' || m.error || '.'
        WHEN m.state NOT IN ('failing', 'silent') AND m.state = s.state AND s.told <> '' THEN s.told
        WHEN m.state = 'alarm' THEN 'In alarm: ' || CASE m.alarms
            WHEN 1 THEN '1 alarm is raised.' ELSE m.alarms || ' alarms are raised.'
        END
        WHEN m.state = 'breach' THEN 'In the newest window, not yet an alarm: ' || CASE m.breached
            WHEN 1 THEN '1 measurement is beyond its threshold.'
            ELSE m.breached || ' measurements are beyond their thresholds.'
        END
        WHEN m.state = 'fine' THEN 'Healthy: no measurement is beyond its threshold.'
        WHEN m.state = 'waiting' THEN 'Waiting: nothing could be judged yet.'
        ELSE CASE
            WHEN m.file_gone_at IS NOT NULL THEN 'Silent: ' || m.error || '.'
            WHEN m.state = 'failing' THEN coalesce(s.failing, 'Failing: its last cycle failed.')
            ELSE 'Silent: no cycle has worked since '
                || to_char(m.last_good_at AT TIME ZONE 'UTC', 'FMDD FMMonth FMYYYY, HH24:MI') || ' UTC.'
        END || coalesce(' Until then: ' || CASE WHEN s.state <> 'waiting' THEN nullif(s.told, '') END, '')
    END AS story
FROM tidegauge.monitors m
LEFT JOIN tidegauge.story s ON s.monitor = m.monitor
LEFT JOIN LATERAL (
    SELECT min(x.since_event_time) AS since_event_time FROM tidegauge.alarms x WHERE x.monitor = m.monitor
) a ON true;


SELECT tidegauge.grant_reader();
