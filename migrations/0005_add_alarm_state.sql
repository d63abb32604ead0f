-- Why: an alarm needs k of n windows and ends by hysteresis. What is known of the last windows is kept with the
--      checkpoint, so that a restart neither forgets an alarm nor raises it twice.
-- Lock: ACCESS EXCLUSIVE on checkpoint, for a change of the catalogue only.
-- Time on a big table: none; checkpoint has one row a monitor, and no row is rewritten.

ALTER TABLE tidegauge.checkpoint ADD COLUMN alarms jsonb NOT NULL DEFAULT '{}';

COMMENT ON COLUMN tidegauge.checkpoint.alarms IS
    'By series, its last windows, oldest first: x breached, . clear; ! behind them while its alarm is raised.';
