"""The Postgres server that Tidegauge brings."""
