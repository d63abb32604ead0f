-- Why: the scores of drift alarms were fitted to the reference again at every start. Another processor or library may round
--      one otherwise, and sums by block of different scores have no whole: a window that a replica took over would have no
--      verdict. The first fit is kept, and every later start and replica reads it.
-- Lock: none on what exists; everything is new.
-- Time on a big table: does not apply.

CREATE TABLE tidegauge.alarm_model (
    monitor text PRIMARY KEY,
    reference text NOT NULL,
    format integer NOT NULL,
    content bytea NOT NULL,
    fitted_at timestamptz NOT NULL DEFAULT now()
);

-- The content is compressed already.
ALTER TABLE tidegauge.alarm_model ALTER COLUMN content SET STORAGE EXTERNAL;

COMMENT ON TABLE tidegauge.alarm_model IS
    'The scores of a monitor''s drift alarms, fitted to its reference; one row for each monitor with calibrated alarms.';
COMMENT ON COLUMN tidegauge.alarm_model.reference IS 'The fingerprint of the reference''s rows.';
COMMENT ON COLUMN tidegauge.alarm_model.format IS 'Of the content; a version that fits otherwise has another one, and fits again.';
COMMENT ON COLUMN tidegauge.alarm_model.content IS
    'The tables of scores and the reference''s own sums by block, with a hash of the rows that they were fitted to, and a checksum.';
