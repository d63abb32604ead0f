-- Why: who may send and read is decided by tokens, of which only the hashes are kept. The role of the dashboards
--      reads everything else here, and has no business with these.
-- Lock: none that a reader or writer waits for; everything is new but a function.
-- Time on a big table: none.

CREATE TABLE tidegauge.access_token (
    id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{12}$'),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    name text NOT NULL,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['rows', 'labels', 'read', 'admin']),
    monitors text[] CHECK (cardinality(monitors) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);

COMMENT ON TABLE tidegauge.access_token IS 'Who may send and read: the hash of each token, and what it admits to.';
COMMENT ON COLUMN tidegauge.access_token.digest IS 'SHA-256 of the token, which is not kept.';
COMMENT ON COLUMN tidegauge.access_token.monitors IS 'The monitors that it is for; NULL for all.';
COMMENT ON COLUMN tidegauge.access_token.last_used_at IS 'When a service saw it last, to the minute.';
COMMENT ON COLUMN tidegauge.access_token.revoked_at IS 'Since when it is refused; NULL while it is taken.';

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
    RETURN true;
END;
$$;

SELECT tidegauge.grant_reader();
