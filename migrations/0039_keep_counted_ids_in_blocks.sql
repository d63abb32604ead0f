-- The two B-trees of `counted_id` made nine tenths of a cycle with `deduplicate`. A cycle's ids are one row now, which
-- the service holds in memory too. Where they are too many for that, the oldest lie in `counted_id` as before, by
-- indexes that cost less: a hash of the id alone, and the range of times of every 32 pages.

DROP INDEX tidegauge.counted_id_by_identity;
DROP INDEX tidegauge.counted_id_by_time;

CREATE INDEX counted_id_by_identity ON tidegauge.counted_id USING hash (identity);
CREATE INDEX counted_id_by_time ON tidegauge.counted_id
    USING brin (event_us) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE tidegauge.counted_block (
    monitor text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    newest_us bigint NOT NULL,
    ids bytea NOT NULL,
    PRIMARY KEY (monitor, number)
);

ALTER TABLE tidegauge.counted_block ALTER COLUMN ids SET STORAGE EXTERNAL; -- hashes cannot be compressed

COMMENT ON TABLE tidegauge.counted_block IS
    'The newest ids of the rows that counted, a row per cycle, of monitors with `deduplicate`; older ones: counted_id.';
COMMENT ON COLUMN tidegauge.counted_block.number IS 'Ascending in the order of the cycles.';
COMMENT ON COLUMN tidegauge.counted_block.newest_us IS 'The newest event time among them, microseconds since 1970.';
COMMENT ON COLUMN tidegauge.counted_block.ids IS
    'For each id three big-endian bigints: its hash, its second hash, the row''s event time.';
