-- Why: thresholds found by drawing windows from a reference take seconds; they are found once for a reference,
--      its methods, a rate and a window size, and kept.
-- Lock: none on what exists; everything is new.
-- Time on a big table: does not apply.

CREATE TABLE tidegauge.calibration (
    monitor text NOT NULL,
    fingerprint text NOT NULL,
    rows bigint NOT NULL CHECK (rows >= 1),
    content jsonb NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (monitor, fingerprint, rows)
);

COMMENT ON TABLE tidegauge.calibration IS 'Thresholds that give the asked-for false-alarm rate, by window size.';
COMMENT ON COLUMN tidegauge.calibration.fingerprint IS 'Of the reference, the methods, the rate: what thresholds rest on.';
