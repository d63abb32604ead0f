"""One file per table: SQL and row mapping side by side."""
