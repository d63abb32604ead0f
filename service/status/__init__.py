"""The state of the monitors: counters, readiness, verdicts and the live feed."""
