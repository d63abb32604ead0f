"""Tidegauge: watches machine-learning models in production, in timed cycles, into Postgres."""

__version__ = "0.1.0"
