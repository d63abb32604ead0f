-- Why: labels come after their rows. Of a row without a label is kept what its label will be joined with, until
--      the label comes or the row is given up; the checkpoint keeps how far labels were followed up.
-- Lock: ACCESS EXCLUSIVE on checkpoint and cycle_log, for a change of the catalogue only.
-- Time on a big table: none; no row is rewritten.

CREATE TABLE tidegauge.pending_row (
    monitor text NOT NULL,
    identity bigint NOT NULL,
    pane bigint NOT NULL,
    event_time timestamptz NOT NULL,
    payload bytea NOT NULL
);

-- Not unique: a row that was sent twice waits twice.
CREATE INDEX pending_row_by_identity ON tidegauge.pending_row (monitor, identity);
CREATE INDEX pending_row_by_event_time ON tidegauge.pending_row (monitor, event_time);

COMMENT ON TABLE tidegauge.pending_row IS
    'Rows that wait for their label, written and deleted in the transaction of the cycle that counts them.';
COMMENT ON COLUMN tidegauge.pending_row.identity IS 'The id''s 64-bit hash.';
COMMENT ON COLUMN tidegauge.pending_row.pane IS 'The pane that counts the row.';

ALTER TABLE tidegauge.checkpoint ADD COLUMN labelling jsonb NOT NULL DEFAULT '{}';

COMMENT ON COLUMN tidegauge.checkpoint.labelling IS
    'Windows that wait to be measured again (runs of keys), the last pane that got a late label, the last window '
    'whose performance counted for an alarm.';

ALTER TABLE tidegauge.cycle_log
    ADD COLUMN labels bigint NOT NULL DEFAULT 0,
    ADD COLUMN given_up bigint NOT NULL DEFAULT 0;

COMMENT ON COLUMN tidegauge.cycle_log.labels IS 'Late labels that found their row.';
COMMENT ON COLUMN tidegauge.cycle_log.given_up IS 'Rows that had waited too long for a label.';
