-- Why: people ask in words how a monitor is, since when and why. The service makes these words once, by tested rules,
--      and writes them with the cycle that they tell of, so that the page, the dashboards, the alerts and
--      `tidegauge status` say the same. What a dead service can no longer write, the view adds.
-- Lock: none on what exists; the table and the view are new.
-- Time on a big table: does not apply.

CREATE TABLE tidegauge.story (
    monitor text PRIMARY KEY,
    state text NOT NULL,
    told text NOT NULL,
    failing text,
    told_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE tidegauge.story IS 'What a service said of each monitor in words; read the view `stories`.';
COMMENT ON COLUMN tidegauge.story.state IS 'The state that `told` tells of: alarm, breach, fine or waiting.';
COMMENT ON COLUMN tidegauge.story.told IS 'The story as of the last cycle that worked; empty before the first.';
COMMENT ON COLUMN tidegauge.story.failing IS 'What was said of the last cycle that failed; NULL where none did.';

-- A story is shown where it tells of the state that the view `monitors` has. The two differ where somebody deleted
-- windows, or where the service has not told a story yet: then the state alone is said.
CREATE VIEW tidegauge.stories AS
SELECT m.monitor, m.state, m.since, a.since_event_time, CASE
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

COMMENT ON VIEW tidegauge.stories IS 'How each monitor is, since when and why, in words; one row each.';
COMMENT ON COLUMN tidegauge.stories.since_event_time IS 'When the oldest alarm that is raised began, in event time.';

SELECT tidegauge.grant_reader();
