-- Why: change-point detectors read every error once, in order. What they have counted is kept with the checkpoint,
--      so that a restart finds the changes that an uninterrupted run finds.
-- Lock: ACCESS EXCLUSIVE on checkpoint, for a change of the catalogue only.
-- Time on a big table: none; checkpoint has one row a monitor, and no row is rewritten.

ALTER TABLE tidegauge.checkpoint ADD COLUMN detectors jsonb NOT NULL DEFAULT '{}';

COMMENT ON COLUMN tidegauge.checkpoint.detectors IS
    'By detector, its state as JSON in a text, so that every number comes back to the last bit.';
