-- Why: files that appear in a folder are taken once each. Which ones were taken, and how far, is kept here and changed
--      in the transaction of the cycle that measures their rows, so that a checkpoint does not grow with every file.
-- Lock: none but on the new table and the function.
-- Time on a big table: none.

CREATE TABLE tidegauge.taken_file (
    monitor text NOT NULL,
    name text NOT NULL,
    mark text NOT NULL,
    size bigint NOT NULL,
    done bigint NOT NULL,
    is_whole boolean NOT NULL,
    content text NOT NULL,
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (monitor, name)
);

COMMENT ON TABLE tidegauge.taken_file IS 'Files of a source `files` that cycles took, one row for each name.';
COMMENT ON COLUMN tidegauge.taken_file.mark IS
    'What the file system or the object store says of the version that was taken, such as size, time and etag.';
COMMENT ON COLUMN tidegauge.taken_file.size IS 'Bytes of that version.';
COMMENT ON COLUMN tidegauge.taken_file.done IS 'How far it was taken: bytes of lines (decompressed), else rows.';
COMMENT ON COLUMN tidegauge.taken_file.is_whole IS 'Nothing of that version is left.';
COMMENT ON COLUMN tidegauge.taken_file.content IS 'Hash of the beginning and the end of that version.';
COMMENT ON COLUMN tidegauge.taken_file.reason IS 'Why it was refused; empty where it was not.';

-- As before, and nobody who reads dashboards reads the names of files.
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
    REVOKE ALL ON tidegauge.inbox_batch, tidegauge.inbox_label, tidegauge.inbox_half FROM tidegauge_reader;
    REVOKE ALL ON tidegauge.taken_file FROM tidegauge_reader;
    RETURN true;
END;
$$;

SELECT tidegauge.grant_reader();
