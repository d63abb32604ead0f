-- Why: a replica that lacks what a monitor's rows are read by (a package, a mounted folder) took its lease all the same,
--      and every cycle failed while another replica could have measured it.
-- Lock: ACCESS EXCLUSIVE on replica, a table of a few rows, for a moment.
-- Time on a big table: does not apply.

ALTER TABLE tidegauge.replica ADD COLUMN hindered jsonb NOT NULL DEFAULT '{}';

COMMENT ON COLUMN tidegauge.replica.hindered IS 'By monitor, why this machine cannot read its rows; it leaves them to others.';

CREATE VIEW tidegauge.hindered_replicas AS
SELECT own.monitor, r.name AS replica, own.reason
FROM tidegauge.replica r
CROSS JOIN LATERAL jsonb_each_text(r.hindered) AS own (monitor, reason)
JOIN tidegauge.holders h ON h.monitor = own.monitor
WHERE r.expires_at > clock_timestamp() AND h.replica IS NOT NULL AND h.replica <> r.name;

COMMENT ON VIEW tidegauge.hindered_replicas IS
    'Replicas that leave a monitor to another one, since their machine cannot read its rows, and why.';

SELECT tidegauge.grant_reader();
