"""Panes and windows of event time."""
