"""Mergeable summaries of predictions and targets, one file per task."""
