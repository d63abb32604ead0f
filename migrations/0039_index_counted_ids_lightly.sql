-- The index of ids made most of the cost of a cycle with `deduplicate`. A hash index takes a random id at half the
-- cost of a B-tree that begins with the monitor's name, and times, which come almost in order, need no more than
-- their range per 32 pages.

DROP INDEX tidegauge.counted_id_by_identity;
DROP INDEX tidegauge.counted_id_by_time;

CREATE INDEX counted_id_by_identity ON tidegauge.counted_id USING hash (identity);
CREATE INDEX counted_id_by_time ON tidegauge.counted_id
    USING brin (event_us) WITH (pages_per_range = 32, autosummarize = on);
