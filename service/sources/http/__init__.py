"""Rows that are sent by HTTP: read and kept when they come, measured by the next cycle."""
