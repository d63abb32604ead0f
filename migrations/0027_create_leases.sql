-- Why: several replicas measure the monitors of one database. Each monitor has one holder; a number that grows with
--      every take-over lets the database refuse the writes of a holder that was paused and lost its lease.
-- Lock: none on what exists; everything is new.
-- Time on a big table: does not apply.

CREATE SEQUENCE tidegauge.fence;

CREATE TABLE tidegauge.replica (
    id text PRIMARY KEY,
    name text NOT NULL,
    address text NOT NULL DEFAULT '',
    machine text NOT NULL DEFAULT '',
    files jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE tidegauge.replica IS
    'A process of the service; it renews expires_at, and with it all its leases, while it lives.';
COMMENT ON COLUMN tidegauge.replica.machine IS 'Which start of which machine it runs on; empty where that is unknown.';
COMMENT ON COLUMN tidegauge.replica.files IS 'By monitor, the hash of the content of its file.';

-- No expiry of its own: a lease lives as long as its holder's row, so that a renewal writes one row for all.
CREATE TABLE tidegauge.lease (
    monitor text PRIMARY KEY,
    holder text,
    fence bigint NOT NULL,
    file_hash text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE tidegauge.lease IS 'Which replica measures a monitor. Every write of a cycle checks holder and fence.';
COMMENT ON COLUMN tidegauge.lease.holder IS 'A row of replica; NULL where it was given back.';
COMMENT ON COLUMN tidegauge.lease.fence IS 'Grows with every take-over; never used twice.';

CREATE TABLE tidegauge.duty (
    duty text PRIMARY KEY,
    holder text,
    fence bigint NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE tidegauge.duty IS 'Which replica does what one alone does for all monitors: webhook and retention.';

CREATE VIEW tidegauge.replicas AS
SELECT r.name, r.address, r.started_at, r.expires_at, r.expires_at > clock_timestamp() AS alive,
    count(l.monitor) AS monitors, r.id
FROM tidegauge.replica r LEFT JOIN tidegauge.lease l ON l.holder = r.id
GROUP BY r.id;

COMMENT ON VIEW tidegauge.replicas IS 'The processes of the service, and how many monitors each holds.';

CREATE VIEW tidegauge.holders AS
SELECT l.monitor, r.name AS replica, r.address, l.taken_at, r.expires_at, l.file_hash
FROM tidegauge.lease l
LEFT JOIN tidegauge.replica r ON r.id = l.holder AND r.expires_at > clock_timestamp();

COMMENT ON VIEW tidegauge.holders IS 'Which live replica measures each monitor; replica is NULL where none does.';

CREATE VIEW tidegauge.refused_files AS
SELECT own.monitor, r.name AS replica, h.replica AS holder
FROM tidegauge.replica r
CROSS JOIN LATERAL jsonb_each_text(r.files) AS own (monitor, file_hash)
JOIN tidegauge.holders h ON h.monitor = own.monitor
WHERE r.expires_at > clock_timestamp() AND h.replica IS NOT NULL AND own.file_hash <> h.file_hash;

COMMENT ON VIEW tidegauge.refused_files IS
    'Replicas that may not measure a monitor, since their file of it has another content than its holder''s.';

SELECT tidegauge.grant_reader();
