"""Rows from a Postgres table that grows."""
