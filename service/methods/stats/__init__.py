"""Two-sample arithmetic over distributions."""
