"""Mergeable summaries of rows."""
