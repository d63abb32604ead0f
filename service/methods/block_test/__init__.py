"""A test of drift in units of how a reference's own blocks (days) differ."""
