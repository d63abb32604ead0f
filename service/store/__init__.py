"""What is kept in Postgres, and how: SQL and its row mapping side by side."""
