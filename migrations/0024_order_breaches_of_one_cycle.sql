-- An alarm that is raised twice in one cycle has two events of the same instant: its beginning is the later one's.
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
    ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1
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
