"""The story of a monitor: its newest window in order of importance, and its state in words."""
