-- Why: whoever sends rows can add up what was acknowledged. What became of it is added up here, in the transactions
--      that measure or reject it, so that both sums can be compared: nothing lost, nothing counted twice.
-- Lock: none that a reader or writer waits for; everything is new but one column, whose default rewrites no row.
-- Time on a big table: none.

CREATE TABLE tidegauge.inbox_audit (
    monitor text PRIMARY KEY,
    measured_rows bigint NOT NULL DEFAULT 0,
    measured_ids numeric(20) NOT NULL DEFAULT 0,
    measured_mixed numeric(20) NOT NULL DEFAULT 0,
    rejected_rows bigint NOT NULL DEFAULT 0,
    rejected_ids numeric(20) NOT NULL DEFAULT 0,
    rejected_mixed numeric(20) NOT NULL DEFAULT 0
);

COMMENT ON TABLE tidegauge.inbox_audit IS
    'What became of the rows that were sent to a monitor: how many, and the sums of two hashes of their ids.';
COMMENT ON COLUMN tidegauge.inbox_audit.measured_ids IS 'Sum of the ids'' 64-bit hashes, modulo 2^64.';
COMMENT ON COLUMN tidegauge.inbox_audit.measured_mixed IS 'Sum of the mixed hashes, modulo 2^64.';

-- Of the rows that a batch refused; the others' ids are in its payload.
ALTER TABLE tidegauge.inbox_batch
    ADD COLUMN rejected_ids numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN rejected_mixed numeric(20) NOT NULL DEFAULT 0;

CREATE TABLE tidegauge.inbox_reference (
    monitor text PRIMARY KEY,
    rows bigint NOT NULL,
    payload bytea NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE tidegauge.inbox_reference IS
    'The first rows that were sent to a monitor, where these are its reference; they never change.';

SELECT tidegauge.grant_reader();
