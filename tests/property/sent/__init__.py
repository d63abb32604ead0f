"""Properties of what is sent: rows in JSON, read quickly or slowly, and messages."""
