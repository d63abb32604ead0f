"""Measurements of two tables by one call: no service, no database."""
