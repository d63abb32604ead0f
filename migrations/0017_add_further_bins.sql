-- Why: a season later every row of a column can lie in the reference's open bin "60 and above", and the picture says
--      nothing. Windows now keep where the rows of the open bins lie, in further bins that the reference fixes.
-- Lock: ACCESS EXCLUSIVE on column_bins and window_distribution for a change of the catalogue.
-- Time on a big table: none, the new columns are NULL in rows that exist.

ALTER TABLE tidegauge.column_bins
    ADD COLUMN below double precision[],
    ADD COLUMN below_text text[],
    ADD COLUMN above double precision[],
    ADD COLUMN above_text text[],
    ADD COLUMN tail_places smallint[],
    ADD COLUMN tail_counts bigint[];

COMMENT ON COLUMN tidegauge.column_bins.below IS
    'Edges that continue the lowest bin, outwards; the first is the reference''s lowest edge. NULL or empty where there are none.';
COMMENT ON COLUMN tidegauge.column_bins.below_text IS 'The edges in `below` as people read them.';
COMMENT ON COLUMN tidegauge.column_bins.above IS
    'Edges that continue the highest bin, outwards; the first is the reference''s highest edge. NULL or empty where there are none.';
COMMENT ON COLUMN tidegauge.column_bins.above_text IS 'The edges in `above` as people read them.';
COMMENT ON COLUMN tidegauge.column_bins.tail_places IS
    'The further bins in which the reference has rows: 1, 2 ... upwards from the highest edge, -1, -2 ... downwards from the lowest.';
COMMENT ON COLUMN tidegauge.column_bins.tail_counts IS 'The reference''s rows in each of `tail_places`; they are part of the open bins'' too.';

ALTER TABLE tidegauge.window_distribution
    ADD COLUMN tail_places smallint[],
    ADD COLUMN tail_counts bigint[],
    ADD COLUMN reach_below smallint,
    ADD COLUMN reach_above smallint;

COMMENT ON COLUMN tidegauge.window_distribution.tail_places IS
    'As in column_bins, of the window''s rows; NULL where it was measured before this was kept.';
COMMENT ON COLUMN tidegauge.window_distribution.tail_counts IS 'The window''s rows in each of `tail_places`; part of `counts` too.';
COMMENT ON COLUMN tidegauge.window_distribution.reach_below IS
    'How many further bins are drawn downwards: 0 unless the open bin holds more than a tenth of the rows.';
COMMENT ON COLUMN tidegauge.window_distribution.reach_above IS 'The same upwards.';

-- One picture of several windows has the bins that the widest of them needs.
CREATE FUNCTION tidegauge.drawn_bins(of_bins bigint, of_runs bigint[]) RETURNS TABLE (
    run_id bigint, bin integer, label text, low double precision, high double precision, further boolean,
    counted bigint, reference_counted bigint, reference_rows bigint
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 500 AS $$
    WITH b AS MATERIALIZED (
        SELECT c.*, cardinality(c.label) - 1 AS top FROM tidegauge.column_bins c WHERE c.id = of_bins
    ), d AS MATERIALIZED (
        SELECT * FROM tidegauge.window_distribution w WHERE w.bins_id = of_bins AND w.run_id = ANY (of_runs)
    ), reach AS MATERIALIZED (
        SELECT coalesce(max(d.reach_below), 0)::integer AS below, coalesce(max(d.reach_above), 0)::integer AS above FROM d
    ), drawn AS (
        -- The reference's own bins; an open one that is continued begins where the further ones end.
        SELECT own.place::integer + CASE WHEN own.place = 1 THEN 0 WHEN own.place < b.top THEN r.below
                ELSE r.below + r.above END AS bin,
            CASE WHEN own.place = 1 AND r.below > 0 THEN 'below ' || b.below_text[r.below + 1]
                WHEN own.place = b.top AND r.above > 0 THEN b.above_text[r.above + 1] || ' and above'
                ELSE own.label END AS label,
            CASE WHEN own.place = b.top AND r.above > 0 THEN b.above[r.above + 1] ELSE own.low END AS low,
            CASE WHEN own.place = 1 AND r.below > 0 THEN b.below[r.below + 1] ELSE own.high END AS high,
            own.place::integer AS own_place, NULL::integer AS tail_place,
            CASE WHEN own.place = 1 AND r.below > 0 THEN -1 WHEN own.place = b.top AND r.above > 0 THEN 1 END AS side
        FROM b CROSS JOIN reach r CROSS JOIN LATERAL unnest(b.label, b.low, b.high)
            WITH ORDINALITY AS own (label, low, high, place)
        UNION ALL
        SELECT 2 + r.below - place, b.below_text[place + 1] || ' to ' || b.below_text[place], b.below[place + 1],
            b.below[place], NULL, -place, -1
        FROM b CROSS JOIN reach r CROSS JOIN LATERAL generate_series(1, r.below) AS place
        UNION ALL
        SELECT b.top - 1 + r.below + place, b.above_text[place] || ' to ' || b.above_text[place + 1], b.above[place],
            b.above[place + 1], NULL, place, 1
        FROM b CROSS JOIN reach r CROSS JOIN LATERAL generate_series(1, r.above) AS place
    ), held AS (
        SELECT d.run_id, d.counts, d.tail_places IS NOT NULL AS known, t.place, t.counted
        FROM d LEFT JOIN LATERAL unnest(d.tail_places, d.tail_counts) AS t (place, counted) ON true
        UNION ALL
        SELECT 0, b.reference_counts, b.tail_places IS NOT NULL, t.place, t.counted
        FROM b LEFT JOIN LATERAL unnest(b.tail_places, b.tail_counts) AS t (place, counted) ON true
    ), sides AS (
        SELECT h.run_id, h.counts, h.known,
            coalesce(sum(h.counted) FILTER (WHERE h.place BETWEEN -r.below AND -1), 0)::bigint AS cut_below,
            coalesce(sum(h.counted) FILTER (WHERE h.place BETWEEN 1 AND r.above), 0)::bigint AS cut_above
        FROM held h CROSS JOIN reach r GROUP BY h.run_id, h.counts, h.known
    ), cells AS (
        SELECT s.run_id, n.bin, CASE
            WHEN n.side IS NULL THEN s.counts[n.own_place]
            WHEN NOT s.known THEN CASE WHEN s.counts[CASE n.side WHEN 1 THEN b.top ELSE 1 END] = 0 THEN 0 END
            WHEN n.own_place IS NULL THEN coalesce(h.counted, 0)
            WHEN n.side = 1 THEN s.counts[n.own_place] - s.cut_above
            ELSE s.counts[n.own_place] - s.cut_below END AS counted
        FROM sides s CROSS JOIN drawn n CROSS JOIN b
        LEFT JOIN held h ON h.run_id = s.run_id AND h.place = n.tail_place
    )
    SELECT d.run_id, n.bin, n.label, n.low, n.high, n.tail_place IS NOT NULL, now.counted, of_reference.counted,
        b.reference_rows
    FROM d CROSS JOIN b CROSS JOIN drawn n
    JOIN cells now ON now.run_id = d.run_id AND now.bin = n.bin
    JOIN cells of_reference ON of_reference.run_id = 0 AND of_reference.bin = n.bin
$$;

COMMENT ON FUNCTION tidegauge.drawn_bins IS
    'The rows of windows by the bins in which they are drawn together: the reference''s, and further ones in the place of an open one of which a window holds more than a tenth of its rows. NULL where a window was measured before further bins were kept.';

SELECT tidegauge.grant_reader();
