-- Why: a monitor has a life: its file can go, it can be taken out of the views, and a source ends once. `monitors`
--      and `alarms` showed for ever what once ran; and each restart on an ended replay recorded one more end, as
--      the view only asked for an end in the last cycle. The checkpoint now says whether the source has ended.
-- Lock: ACCESS EXCLUSIVE on checkpoint and on the views, for a change of the catalogue and one row a monitor.
-- Time on a big table: none; the end of each monitor is looked up by an index.

ALTER TABLE tidegauge.checkpoint ADD COLUMN ended boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN tidegauge.checkpoint.ended IS 'Whether the source had nothing left.';

-- What the view said until now: an end recorded after the cycle before the last one that worked.
UPDATE tidegauge.checkpoint p
SET ended = true
WHERE EXISTS (
    SELECT FROM tidegauge.event e
    WHERE e.monitor = p.monitor AND e.kind = 'ended' AND e.recorded_at > coalesce((
        SELECT c.finished_at FROM tidegauge.cycle_log c
        WHERE c.monitor = p.monitor AND c.outcome NOT IN ('skipped', 'failed')
        ORDER BY c.finished_at DESC, c.id DESC OFFSET 1 LIMIT 1
    ), '-infinity')
);

CREATE TABLE tidegauge.monitor (
    monitor text PRIMARY KEY,
    file_gone_at timestamptz,
    removed_at timestamptz
);

COMMENT ON TABLE tidegauge.monitor IS 'What is known of monitors apart from their measurements; one row each.';
COMMENT ON COLUMN tidegauge.monitor.file_gone_at IS
    'When a running service found its file deleted; NULL while there is one.';
COMMENT ON COLUMN tidegauge.monitor.removed_at IS
    'When it was taken out of the views `monitors` and `alarms`; its history stays. NULL again once a file defines it.';

CREATE OR REPLACE VIEW tidegauge.alarms AS
SELECT
    p.monitor, begun.aspect, begun.column_name, begun.segment, begun.metric, begun.definition, begun.recorded_at AS since,
    begun.at AS since_event_time, s.unit, s.worse, coalesce(m.value, begun.value) AS value,
    coalesce(m.threshold, begun.threshold) AS threshold, w.window_start, w.window_end, w.computed_at AS measured_at
FROM tidegauge.checkpoint p
CROSS JOIN LATERAL jsonb_each_text(p.alarms) AS a (name, marks)
JOIN LATERAL (
    SELECT e.details ->> 'aspect' AS aspect, e.column_name, coalesce(e.details ->> 'segment', '') AS segment, e.metric,
        coalesce(e.details ->> 'definition', '') AS definition, e.recorded_at, e.at,
        (e.details ->> 'value')::double precision AS value,
        (e.details ->> 'threshold')::double precision AS threshold
    FROM tidegauge.event e
    WHERE e.monitor = p.monitor AND e.kind = 'breach'
      AND tidegauge.alarm_of(e.details, e.column_name, e.metric) = a.name
    ORDER BY e.recorded_at DESC LIMIT 1
) begun ON true
LEFT JOIN tidegauge.newest_window w ON w.monitor = p.monitor
LEFT JOIN tidegauge.series s ON s.monitor = p.monitor AND s.aspect = begun.aspect AND s.column_name = begun.column_name
    AND s.segment = begun.segment AND s.metric = begun.metric AND s.definition = begun.definition
LEFT JOIN LATERAL (
    SELECT x.value, x.threshold FROM tidegauge.sample x
    WHERE x.series_id = s.id AND x.computed_at = w.computed_at AND x.run_id = w.id LIMIT 1
) m ON true
WHERE a.marks LIKE '%!' AND NOT EXISTS (
    SELECT FROM tidegauge.monitor known WHERE known.monitor = p.monitor AND known.removed_at IS NOT NULL
);

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
        WHEN j.file_gone_at IS NULL THEN j.error
        ELSE 'it has no file any more; tidegauge monitor remove ' || j.monitor || ' takes it out of here'
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
) performance ON true;

COMMENT ON COLUMN tidegauge.monitors.silent IS
    'Three cycles, and 30 seconds at least, without one that worked, or no file any more; not where its source has ended.';
COMMENT ON COLUMN tidegauge.monitors.file_gone_at IS 'When its file was found deleted; NULL where it has one.';

SELECT tidegauge.grant_reader();
