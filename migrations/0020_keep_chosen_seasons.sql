-- Why: `season: auto` chooses on the reference by which hours and days rows are told apart. A later version may
--      choose otherwise for the same rows; a monitor's numbers must not change for that, so the choice is kept.
-- Lock: none on what exists; everything is new.
-- Time on a big table: does not apply.

CREATE TABLE tidegauge.season_choice (
    monitor text NOT NULL,
    reference text NOT NULL,
    time_zone text NOT NULL,
    season text NOT NULL,
    note text NOT NULL,
    chosen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (monitor, reference, time_zone)
);

COMMENT ON TABLE tidegauge.season_choice IS 'The season that `season: auto` chose for a reference; it is never chosen again.';
COMMENT ON COLUMN tidegauge.season_choice.reference IS 'The fingerprint of the reference''s rows.';
COMMENT ON COLUMN tidegauge.season_choice.time_zone IS 'The monitor''s time zone.';
COMMENT ON COLUMN tidegauge.season_choice.season IS 'none, weekend, weekday, hour, hour_weekend or hour_of_week.';
COMMENT ON COLUMN tidegauge.season_choice.note IS 'Why, in words.';
