-- Why: a monitor whose source has ended and whose newest window was not judged was `waiting`, without a word why;
--   the column `error` of `monitors` says it now.
-- Lock: a new view; an access exclusive lock on the old one for an instant.
-- Time on a big table: none; the reason is looked up in one window, of such monitors alone.

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
    'Of its last cycle, or why it has none, or why nothing was judged once its source has ended; else NULL.';

SELECT tidegauge.grant_reader();
