-- Why: dashboards ask the same few questions every five seconds, of ranges from minutes to years, over ten million
--      samples and more. What they ask is answered here, in one place: how each aspect stood in each window, how
--      each monitor stands now, and the windows that a chart can show, however many there are.
-- Lock: ACCESS EXCLUSIVE on sample for a change of the catalogue, until this file is done; nobody reads or writes
--      measurements meanwhile. SHARE on event while its new index is built.
-- Time on a big table: filling window_aspect reads every sample once, about two seconds for a million of them.

ALTER TABLE tidegauge.sample ADD COLUMN decides boolean NOT NULL DEFAULT true;

COMMENT ON COLUMN tidegauge.sample.decides IS
    'False for a second opinion: its breach raises no alarm and does not count among the drifted columns.';

-- Written with the samples, so that how a year went is read from a few rows a window.
CREATE TABLE tidegauge.window_aspect (
    run_id bigint NOT NULL REFERENCES tidegauge.window_run (id) ON DELETE CASCADE,
    aspect text NOT NULL,
    judged integer NOT NULL,
    breached integer NOT NULL,
    severity double precision,
    PRIMARY KEY (run_id, aspect)
);

COMMENT ON TABLE tidegauge.window_aspect IS
    'How an aspect stood in a window: measurements whose verdict counts, those that breached, the worst severity.';

INSERT INTO tidegauge.window_aspect
SELECT m.run_id, s.aspect, count(m.breached), count(*) FILTER (WHERE m.breached),
       max(tidegauge.severity(s.aspect, s.worse, m.value, m.threshold))
FROM tidegauge.sample m JOIN tidegauge.series s ON s.id = m.series_id JOIN tidegauge.window_run w ON w.id = m.run_id
GROUP BY m.run_id, s.aspect;

-- When did the alarm begin that is raised now? The alarm's name, as in checkpoint.alarms, of the event that raised it.
CREATE FUNCTION tidegauge.alarm_of(details jsonb, column_name text, metric text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (details ->> 'aspect') || '|' || column_name || CASE
        WHEN details ->> 'aspect' = 'drift' AND column_name <> '' THEN ''
        ELSE '|' || (details ->> 'segment') || '|' || metric || '|' || (details ->> 'definition')
    END
$$;

CREATE INDEX event_by_alarm ON tidegauge.event
    (monitor, tidegauge.alarm_of(details, column_name, metric), recorded_at) WHERE kind = 'breach';

-- The functions below are single queries without settings of their own, so that the planner sees through them:
-- what a panel asks of their result reaches the indexes.

-- One index probe a point of the chart: a range of years costs what a range of minutes costs.
CREATE FUNCTION tidegauge.chart_windows(
    of_monitor text, axis text, since timestamptz, until timestamptz, points integer
) RETURNS TABLE (
    "time" timestamptz, run_id bigint, window_start timestamptz, window_end timestamptz, computed_at timestamptz,
    rows bigint
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 500 AS $$
    SELECT w.computed_at, w.id, w.window_start, w.window_end, w.computed_at, w.rows
    FROM generate_series(
        date_bin(greatest((until - since) / points, '1 millisecond'), since, 'epoch'), until,
        greatest((until - since) / points, '1 millisecond')
    ) AS place
    CROSS JOIN LATERAL (
        SELECT r.* FROM tidegauge.window_run r
        WHERE r.monitor = of_monitor AND r.computed_at >= greatest(place, since)
          AND r.computed_at < least(place + greatest((until - since) / points, '1 millisecond'), until)
          AND NOT EXISTS (
              SELECT FROM tidegauge.window_run newer
              WHERE newer.monitor = r.monitor AND newer.layout = r.layout AND newer.first_pane = r.first_pane
                AND newer.last_pane = r.last_pane AND newer.revision > r.revision
          )
        ORDER BY r.computed_at DESC, r.window_end DESC LIMIT 1
    ) AS w
    WHERE axis <> 'window_end'
    UNION ALL
    SELECT w.window_end, w.id, w.window_start, w.window_end, w.computed_at, w.rows
    FROM generate_series(
        date_bin(greatest((until - since) / points, '1 millisecond'), since, 'epoch'), until,
        greatest((until - since) / points, '1 millisecond')
    ) AS place
    CROSS JOIN LATERAL (
        SELECT r.* FROM tidegauge.window_run r
        WHERE r.monitor = of_monitor AND r.window_end >= greatest(place, since)
          AND r.window_end < least(place + greatest((until - since) / points, '1 millisecond'), until)
        ORDER BY r.window_end DESC, r.revision DESC, r.computed_at DESC LIMIT 1
    ) AS w
    WHERE axis = 'window_end'
$$;

COMMENT ON FUNCTION tidegauge.chart_windows IS
    'The windows that a chart of so many points shows: of each point''s span of time the last one, its latest revision.';

CREATE FUNCTION tidegauge.chart(
    of_monitor text, axis text, since timestamptz, until timestamptz, points integer
) RETURNS TABLE (
    "time" timestamptz, aspect text, column_name text, segment text, metric text, definition text, unit text,
    worse text, window_start timestamptz, window_end timestamptz, computed_at timestamptz, value double precision,
    reference double precision, threshold double precision, breached boolean, severity double precision,
    low double precision, high double precision, rows bigint, reason text, decides boolean
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 5000 AS $$
    SELECT w."time", s.aspect, s.column_name, s.segment, s.metric, s.definition, s.unit, s.worse, w.window_start,
           w.window_end, w.computed_at, m.value, m.reference, m.threshold, m.breached,
           tidegauge.severity(s.aspect, s.worse, m.value, m.threshold), m.low, m.high, m.rows, m.reason, m.decides
    FROM tidegauge.chart_windows(of_monitor, axis, since, until, points) w
    JOIN tidegauge.series s ON s.monitor = of_monitor
    CROSS JOIN LATERAL (
        -- There is one at the most. The limit keeps the planner from reading whole months to find a few thousand.
        SELECT * FROM tidegauge.sample x
        WHERE x.series_id = s.id AND x.computed_at = w.computed_at AND x.run_id = w.run_id LIMIT 1
    ) m
$$;

COMMENT ON FUNCTION tidegauge.chart IS
    'The measurements of the windows that a chart of so many points shows, on the time axis computed_at or window_end.';

CREATE FUNCTION tidegauge.newest(of_monitor text, axis text, since timestamptz, until timestamptz)
RETURNS TABLE (
    "time" timestamptz, aspect text, column_name text, segment text, metric text, definition text, unit text,
    worse text, window_start timestamptz, window_end timestamptz, computed_at timestamptz, value double precision,
    reference double precision, threshold double precision, breached boolean, severity double precision,
    low double precision, high double precision, rows bigint, reason text, decides boolean
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 AS $$
    SELECT CASE axis WHEN 'window_end' THEN w.window_end ELSE w.computed_at END, s.aspect, s.column_name, s.segment,
           s.metric, s.definition, s.unit, s.worse, w.window_start, w.window_end, w.computed_at, m.value,
           m.reference, m.threshold, m.breached, tidegauge.severity(s.aspect, s.worse, m.value, m.threshold),
           m.low, m.high, m.rows, m.reason, m.decides
    FROM (
        SELECT * FROM tidegauge.chart_windows(of_monitor, axis, since, until, 1) c
        ORDER BY c.window_end DESC LIMIT 1
    ) w
    JOIN tidegauge.series s ON s.monitor = of_monitor
    CROSS JOIN LATERAL (
        SELECT * FROM tidegauge.sample x
        WHERE x.series_id = s.id AND x.computed_at = w.computed_at AND x.run_id = w.run_id LIMIT 1
    ) m
$$;

COMMENT ON FUNCTION tidegauge.newest IS 'The measurements of the newest window in a range of either time axis.';

-- The views below cost a few look-ups a monitor, whatever was measured before.
CREATE VIEW tidegauge.newest_window AS
SELECT run.*
FROM tidegauge.checkpoint p
CROSS JOIN LATERAL (
    SELECT r.* FROM tidegauge.window_run r WHERE r.monitor = p.monitor
    ORDER BY r.window_end DESC, r.revision DESC, r.computed_at DESC LIMIT 1
) run;

COMMENT ON VIEW tidegauge.newest_window IS 'Each monitor''s window with the latest event time, its latest revision.';

CREATE VIEW tidegauge.alarms AS
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
WHERE a.marks LIKE '%!';

COMMENT ON VIEW tidegauge.alarms IS
    'The alarms that are raised now, by the measurement that raised them, with its value in the newest window.';
COMMENT ON COLUMN tidegauge.alarms.since IS 'When the alarm was raised, on the wall clock.';

CREATE VIEW tidegauge.monitors AS
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
        -- Told by the last cycle that worked: later than the one before it, all by the database's clock.
        EXISTS (
            SELECT FROM tidegauge.event e
            WHERE e.monitor = names.monitor AND e.kind = 'ended'
              AND e.recorded_at > coalesce(before.finished_at, '-infinity')
        ) AS ended,
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
    LEFT JOIN LATERAL (
        SELECT c.finished_at FROM tidegauge.cycle_log c
        WHERE c.monitor = names.monitor AND c.outcome NOT IN ('skipped', 'failed')
        ORDER BY c.finished_at DESC, c.id DESC OFFSET 1 LIMIT 1
    ) before ON true
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
    WHERE names.monitor IS NOT NULL
), judged AS (
    SELECT f.*,
        NOT f.ended AND coalesce(
            now() - f.last_good_at > make_interval(secs => greatest(3 * f.cycle_seconds, 30)), f.outcome = 'failed'
        ) AS silent
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
    j.last_cycle_at, j.last_good_at, j.cycle_seconds, j.lag_seconds, j.silent, j.ended, j.error, j.window_start,
    j.window_end, j.measured_at, j.rows
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
    WHERE s.monitor = j.monitor AND s.aspect = 'performance' AND s.column_name = '' AND s.segment = ''
      AND s.metric = ANY ('{mae,roc_auc,f1,f1_macro,accuracy}')
    ORDER BY m.value IS NULL, array_position('{mae,roc_auc,f1,f1_macro,accuracy}', s.metric) LIMIT 1
) performance ON true;

COMMENT ON VIEW tidegauge.monitors IS
    'How each monitor stands now: failing, silent (three cycles without one that worked), alarm, breach, waiting, fine.';
COMMENT ON COLUMN tidegauge.monitors.since IS
    'Since when it stands so, on the wall clock: the oldest alarm that is still raised, or the last cycle that worked.';
COMMENT ON COLUMN tidegauge.monitors.cycle_seconds IS 'From cycle to cycle, the median of the last twelve.';
COMMENT ON COLUMN tidegauge.monitors.silent IS
    'Three cycles, and 30 seconds at least, without one that worked, though its source has not ended.';
COMMENT ON COLUMN tidegauge.monitors.ended IS 'The source has nothing left, as a replay at its end: no silence to worry about.';

-- The demo's own table is there only where a dummy monitor has run: no row of it, else no error.
CREATE FUNCTION tidegauge.dummy_rows(of_monitor text, since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, value1 integer, value2 text, value3 double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    IF to_regclass('tidegauge.dummy_metrics') IS NOT NULL THEN
        RETURN QUERY EXECUTE
            'SELECT d.timestamp, d.value1, d.value2, d.value3 FROM tidegauge.dummy_metrics d
             WHERE d.monitor = $1 AND d.position > (SELECT max(l.position) - 2000 FROM tidegauge.dummy_metrics l
                                                    WHERE l.monitor = $1)
               AND d.timestamp BETWEEN $2 AND $3 ORDER BY d.position'
            USING of_monitor, since, until;
    END IF;
END;
$$;

COMMENT ON FUNCTION tidegauge.dummy_rows IS
    'The random rows of a dummy monitor in a range, of its newest 2,000; none where there never was one.';

SELECT tidegauge.grant_reader();
