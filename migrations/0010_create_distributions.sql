-- Why: what a column looked like in each window, beside the reference: a picture for dashboards. The reference
--      fixes a column's bins, so they stand once in `column_bins`; a window adds one row of counts a column.
-- Lock: SHARE on window_run while its new index is built: cycles wait, readers do not.
-- Time on a big table: about a second for a million windows; the tables are new and hold nothing.

CREATE TABLE tidegauge.column_bins (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor text NOT NULL,
    column_name text NOT NULL,
    fingerprint text NOT NULL,
    label text[] NOT NULL,
    low double precision[] NOT NULL,
    high double precision[] NOT NULL,
    reference_counts bigint[] NOT NULL,
    reference_rows bigint NOT NULL,
    CHECK (cardinality(low) = cardinality(label) AND cardinality(high) = cardinality(label)
           AND cardinality(reference_counts) = cardinality(label)),
    UNIQUE (monitor, column_name, fingerprint)
);

COMMENT ON TABLE tidegauge.column_bins IS
    'The bins that a reference fixed for a column, in the order in which they are drawn, and its rows in them.';
COMMENT ON COLUMN tidegauge.column_bins.low IS 'Lower ends, included; NULL where there is none, as for labels.';
COMMENT ON COLUMN tidegauge.column_bins.high IS 'Upper ends, excluded; NULL where there is none, as for labels.';

-- Append only, and gone with its run: of a window there is either everything or nothing.
CREATE TABLE tidegauge.window_distribution (
    run_id bigint NOT NULL REFERENCES tidegauge.window_run (id) ON DELETE CASCADE,
    bins_id bigint NOT NULL REFERENCES tidegauge.column_bins (id),
    counts bigint[] NOT NULL,
    PRIMARY KEY (run_id, bins_id)
);

COMMENT ON TABLE tidegauge.window_distribution IS 'A window''s rows by the bins of each column.';

CREATE INDEX window_run_by_computed_at ON tidegauge.window_run (monitor, computed_at);

CREATE VIEW tidegauge.distributions AS
SELECT
    w.monitor, b.column_name, w.window_start, w.window_end, w.computed_at, w.revision,
    cell.bin::integer AS bin, cell.label, cell.low, cell.high,
    cell.counted::double precision / nullif(w.rows, 0) AS share,
    cell.reference_counted::double precision / nullif(b.reference_rows, 0) AS reference_share,
    w.rows
FROM tidegauge.window_run w
JOIN tidegauge.window_distribution d ON d.run_id = w.id
JOIN tidegauge.column_bins b ON b.id = d.bins_id
CROSS JOIN LATERAL unnest(b.label, b.low, b.high, d.counts, b.reference_counts)
    WITH ORDINALITY AS cell (label, low, high, counted, reference_counted, bin)
WHERE NOT EXISTS (
    SELECT FROM tidegauge.window_run newer
    WHERE newer.monitor = w.monitor AND newer.layout = w.layout AND newer.first_pane = w.first_pane
      AND newer.last_pane = w.last_pane AND newer.revision > w.revision
);

COMMENT ON VIEW tidegauge.distributions IS
    'Each window''s latest revision: a column''s distribution beside the reference''s, one row a bin.';
COMMENT ON COLUMN tidegauge.distributions.bin IS 'From 1, in the order in which bins are drawn; "(missing)" is the last.';
COMMENT ON COLUMN tidegauge.distributions.share IS 'Of all rows of the window; a window''s shares of a column add up to 1.';
COMMENT ON COLUMN tidegauge.distributions.rows IS 'Rows of the window, not of the bin.';

SELECT tidegauge.grant_reader();
