"""Kinds of reference that do not belong to one source."""
