-- Why: the evidence against a performance tolerance is counted day by day. It is kept with the checkpoint, so that
--      it moves on in the transaction of its cycle and counts each day once, whatever restarts in between.
-- Lock: ACCESS EXCLUSIVE on checkpoint, for milliseconds: a constant default rewrites no row.
-- Time on a big table: a row per monitor.

ALTER TABLE tidegauge.checkpoint ADD COLUMN tolerances jsonb NOT NULL DEFAULT '{}';

COMMENT ON COLUMN tidegauge.checkpoint.tolerances IS 'The evidence against each performance tolerance, by metric.';
