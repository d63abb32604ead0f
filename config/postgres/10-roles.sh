#!/bin/sh
# Runs once, when the database is created: makes the service's role, the readers' role and the database.
# The migrations grant what readers may see. Passwords come from the environment, never from an argument.
set -eu

: "${POSTGRES_SERVICE_PASSWORD:?}" "${POSTGRES_READER_PASSWORD:?}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv service_password POSTGRES_SERVICE_PASSWORD
\getenv reader_password POSTGRES_READER_PASSWORD

CREATE ROLE tidegauge LOGIN PASSWORD :'service_password';
CREATE ROLE tidegauge_reader LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 40;
-- Stops runaway queries of dashboards, and prevents writes even by mistake.
ALTER ROLE tidegauge_reader SET default_transaction_read_only = on;
ALTER ROLE tidegauge_reader SET statement_timeout = '30s';

CREATE DATABASE tidegauge OWNER tidegauge;
REVOKE ALL ON DATABASE tidegauge FROM PUBLIC;
GRANT CONNECT ON DATABASE tidegauge TO tidegauge_reader;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
SQL
