-- Why: the sums of inbox_audit said what cycles took, not what is in the panes, and nothing of labels. A pane now
--      adds up the ids of its rows itself, and a pane that is deleted leaves its sums here, so that an audit holds
--      the stored panes against what senders had acknowledged; labels have sums of their own.
-- Lock: ACCESS EXCLUSIVE on pane and inbox_audit, for a change of the catalogue.
-- Time on a big table: none for pane, whose defaults rewrite no row; inbox_audit has a row per monitor.

ALTER TABLE tidegauge.pane
    ADD COLUMN ids numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN mixed numeric(20) NOT NULL DEFAULT 0;

COMMENT ON COLUMN tidegauge.pane.ids IS 'Sum of the 64-bit hashes of its rows'' ids, modulo 2^64; 0 where they have none.';
COMMENT ON COLUMN tidegauge.pane.mixed IS 'Sum of the mixed hashes, modulo 2^64.';

ALTER TABLE tidegauge.inbox_audit
    ADD COLUMN counts_events boolean NOT NULL DEFAULT false,
    ADD COLUMN deleted_rows bigint NOT NULL DEFAULT 0,
    ADD COLUMN deleted_ids numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN deleted_mixed numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN attached_labels_rows bigint NOT NULL DEFAULT 0,
    ADD COLUMN attached_labels_ids numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN attached_labels_mixed numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN rejected_labels_rows bigint NOT NULL DEFAULT 0,
    ADD COLUMN rejected_labels_ids numeric(20) NOT NULL DEFAULT 0,
    ADD COLUMN rejected_labels_mixed numeric(20) NOT NULL DEFAULT 0;

COMMENT ON COLUMN tidegauge.inbox_audit.counts_events IS
    'The sums are of events, each of which may make several rows, and not those of panes.';
COMMENT ON COLUMN tidegauge.inbox_audit.deleted_rows IS
    'Rows of panes that were deleted: by retention, by a reset, or because columns or windows were edited.';
COMMENT ON COLUMN tidegauge.inbox_audit.attached_labels_rows IS 'Labels that found their row.';
COMMENT ON COLUMN tidegauge.inbox_audit.rejected_labels_rows IS 'Labels that could not be used, or found no row.';

-- What is in panes that are there already is taken over, less the ids that they did not add up.
UPDATE tidegauge.inbox_audit a SET
    deleted_rows = a.measured_rows - (SELECT coalesce(sum(p.rows), 0) FROM tidegauge.pane p WHERE p.monitor = a.monitor),
    deleted_ids = a.measured_ids,
    deleted_mixed = a.measured_mixed;

CREATE FUNCTION tidegauge.keep_sums_of_deleted_panes() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE tidegauge.inbox_audit a SET
        deleted_rows = a.deleted_rows + gone.rows,
        deleted_ids = mod(a.deleted_ids + gone.ids, 18446744073709551616),
        deleted_mixed = mod(a.deleted_mixed + gone.mixed, 18446744073709551616)
    FROM (SELECT monitor, sum(rows) AS rows, sum(ids) AS ids, sum(mixed) AS mixed FROM deleted GROUP BY monitor) gone
    WHERE a.monitor = gone.monitor;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION tidegauge.keep_sums_of_deleted_panes() IS 'Adds the sums of deleted panes to inbox_audit.';

CREATE TRIGGER keep_sums_of_deleted_panes AFTER DELETE ON tidegauge.pane
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT
    EXECUTE FUNCTION tidegauge.keep_sums_of_deleted_panes();

SELECT tidegauge.grant_reader();
