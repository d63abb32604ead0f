-- Why: events are posted to a webhook by the service itself. An event that is to be posted stands here from the
--      transaction that recorded it until a receiver has taken it, so that none is lost, whatever dies.
-- Lock: none on what exists; everything is new.
-- Time on a big table: does not apply.

CREATE TABLE tidegauge.webhook_outbox (
    event_id bigint PRIMARY KEY REFERENCES tidegauge.event (id) ON DELETE CASCADE,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE tidegauge.webhook_outbox IS
    'Events that no receiver has taken yet; empty where no webhook is set or all were delivered.';

SELECT tidegauge.grant_reader();
