-- Why: dashboards read through a role that can do nothing else.
-- Lock: none that a reader or writer waits for.
-- Time on a big table: does not apply; only the catalogue is touched.

-- Idempotent, so that a role which an administrator makes later gets its rights on the service's next start.
CREATE FUNCTION tidegauge.grant_reader() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegauge_reader') THEN
        RETURN false;
    END IF;
    GRANT USAGE ON SCHEMA tidegauge TO tidegauge_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA tidegauge TO tidegauge_reader;
    ALTER DEFAULT PRIVILEGES IN SCHEMA tidegauge GRANT SELECT ON TABLES TO tidegauge_reader;
    RETURN true;
END;
$$;

COMMENT ON FUNCTION tidegauge.grant_reader IS 'Lets the role tidegauge_reader, where it exists, read everything here.';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegauge_reader') THEN
        BEGIN
            CREATE ROLE tidegauge_reader NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role tidegauge_reader is missing and % may not create it; dashboards need it: '
                    'let an administrator run CREATE ROLE tidegauge_reader', current_user;
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this server was migrated at the same time
        END;
    END IF;
END;
$$;

SELECT tidegauge.grant_reader();
