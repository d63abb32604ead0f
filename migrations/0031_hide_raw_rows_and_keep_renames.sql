-- Why: the role of the dashboards could read rows and labels as they were sent, sensitive columns included, while they
--      wait for a cycle. And accepted rows may lie on a service's disk under the name that a monitor had: who drains
--      them later finds its new one here.
-- Lock: none that a reader or writer waits for; everything is new but a function.
-- Time on a big table: none.

CREATE TABLE tidegauge.monitor_rename (
    old_name text NOT NULL,
    new_name text NOT NULL,
    renamed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (old_name, renamed_at)
);

COMMENT ON TABLE tidegauge.monitor_rename IS
    'Which names monitors had: what was accepted under an old name before its change belongs to the new one.';

CREATE OR REPLACE FUNCTION tidegauge.grant_reader() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegauge_reader') THEN
        RETURN false;
    END IF;
    GRANT USAGE ON SCHEMA tidegauge TO tidegauge_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA tidegauge TO tidegauge_reader;
    ALTER DEFAULT PRIVILEGES IN SCHEMA tidegauge GRANT SELECT ON TABLES TO tidegauge_reader;
    REVOKE ALL ON tidegauge.access_token FROM tidegauge_reader;
    REVOKE ALL ON tidegauge.inbox_batch, tidegauge.inbox_label FROM tidegauge_reader;  -- values as they were sent
    RETURN true;
END;
$$;

SELECT tidegauge.grant_reader();
