-- Why: a row that comes after retention has dropped its panes was measured alone, as if its window had one row. The
--   checkpoint says from which pane on all are kept, so that such a row is refused with its reason.
-- Lock: an access exclusive lock on checkpoint for an instant.
-- Time on a big table: none; the column is added without a default.

ALTER TABLE tidegauge.checkpoint ADD COLUMN kept_from bigint;

COMMENT ON COLUMN tidegauge.checkpoint.kept_from IS
    'The pane of the layout before which retention has dropped some; NULL where it has dropped none.';
