-- Why: one friendly row a measurement, for dashboards, alerts and people. Service health is derived from
--      cycle_log, so that nothing is stored twice.
-- Lock: none on what exists; the views are new.
-- Time on a big table: does not apply; a view holds nothing.

-- How bad a value is: 1 at its threshold, higher always worse, at most 100 so that one p-value of nearly 0 does
-- not flatten a chart. In drift only a p-value gets worse downwards: its logarithm is compared.
CREATE FUNCTION tidegauge.severity(aspect text, worse text, value double precision, threshold double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN value IS NULL OR threshold IS NULL THEN NULL
        WHEN worse = 'lower' AND aspect = 'drift' AND threshold > 0 AND threshold < 1
            THEN least(100, greatest(0, ln(greatest(value, 1e-300)) / ln(threshold)))
        WHEN worse = 'lower' AND threshold > 0 AND value > 0 THEN least(100, threshold / value)
        WHEN worse = 'lower' THEN CASE WHEN value <= threshold THEN 100 ELSE 0 END
        WHEN worse = 'both' AND threshold <> 0 THEN least(100, abs(value) / abs(threshold))
        WHEN worse = 'both' THEN CASE WHEN value <> 0 THEN 100 ELSE 0 END
        WHEN threshold > 0 THEN least(100, greatest(0, value / threshold))
        WHEN value > threshold THEN 100
        ELSE 0
    END
$$;

COMMENT ON FUNCTION tidegauge.severity IS 'How bad a value is: 1 at its threshold, higher always worse, from 0 to 100.';

CREATE VIEW tidegauge.cycle_metrics AS
SELECT
    c.monitor, 'health'::text AS aspect, ''::text AS column_name, ''::text AS segment, h.metric,
    ''::text AS definition, h.unit, h.worse, c.slot AS window_start, c.slot AS window_end,
    c.finished_at AS computed_at, h.value, NULL::double precision AS reference,
    NULL::double precision AS threshold, NULL::boolean AS breached, NULL::double precision AS severity,
    NULL::double precision AS error_bound, NULL::double precision AS low, NULL::double precision AS high,
    c.rows,
    CASE WHEN h.value IS NULL THEN 'the source does not say how far behind it is' END AS reason,
    1 AS revision
FROM tidegauge.cycle_log c
CROSS JOIN LATERAL (
    VALUES
        ('cycle_ms'::text, 'ms'::text, 'higher'::text, c.duration_ms, c.outcome <> 'skipped'),
        ('cycle_rows', 'rows', 'both', c.rows::double precision, c.outcome NOT IN ('skipped', 'failed')),
        ('skipped_cycles', 'cycles', 'higher',
            CASE WHEN c.outcome = 'skipped' THEN c.slots ELSE 0 END::double precision, true),
        ('failed_cycles', 'cycles', 'higher',
            CASE WHEN c.outcome = 'failed' THEN 1 ELSE 0 END::double precision, true),
        ('rejected_rows', 'rows', 'higher', c.rejected::double precision,
            c.outcome NOT IN ('skipped', 'failed')),
        ('lag_seconds', 'seconds', 'higher', c.lag_seconds, c.outcome NOT IN ('skipped', 'failed'))
) AS h (metric, unit, worse, value, known)
WHERE h.known;

COMMENT ON VIEW tidegauge.cycle_metrics IS 'Service health as measurements, derived from cycle_log.';

CREATE VIEW tidegauge.metrics_history AS
SELECT
    s.monitor, s.aspect, s.column_name, s.segment, s.metric, s.definition, s.unit, s.worse,
    w.window_start, m.window_end, m.computed_at, m.value, m.reference, m.threshold, m.breached,
    tidegauge.severity(s.aspect, s.worse, m.value, m.threshold) AS severity,
    m.error_bound, m.low, m.high, m.rows, m.reason, w.revision
FROM tidegauge.sample m
JOIN tidegauge.series s ON s.id = m.series_id
JOIN tidegauge.window_run w ON w.id = m.run_id
UNION ALL
SELECT * FROM tidegauge.cycle_metrics;

COMMENT ON VIEW tidegauge.metrics_history IS 'Every measurement, with every revision of its window.';

-- NOT EXISTS rather than a maximum over all runs: only the runs of the rows asked for are looked up.
CREATE VIEW tidegauge.metrics AS
SELECT
    s.monitor, s.aspect, s.column_name, s.segment, s.metric, s.definition, s.unit, s.worse,
    w.window_start, m.window_end, m.computed_at, m.value, m.reference, m.threshold, m.breached,
    tidegauge.severity(s.aspect, s.worse, m.value, m.threshold) AS severity,
    m.error_bound, m.low, m.high, m.rows, m.reason, w.revision
FROM tidegauge.sample m
JOIN tidegauge.series s ON s.id = m.series_id
JOIN tidegauge.window_run w ON w.id = m.run_id
WHERE NOT EXISTS (
    SELECT FROM tidegauge.window_run newer
    WHERE newer.monitor = w.monitor AND newer.layout = w.layout AND newer.first_pane = w.first_pane
      AND newer.last_pane = w.last_pane AND newer.revision > w.revision
)
UNION ALL
SELECT * FROM tidegauge.cycle_metrics;

COMMENT ON VIEW tidegauge.metrics IS 'Every measurement of each window''s latest revision: what people and dashboards read.';
