"""Performance metrics with their confidence bands."""
