"""Drift thresholds for a target false-alarm rate."""
