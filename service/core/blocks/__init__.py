"""Sums of a window's rows by block: what the drift alarms' test rests on."""
