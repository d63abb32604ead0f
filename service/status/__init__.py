"""How the monitors stand: counters, readiness, states and the live feed."""
