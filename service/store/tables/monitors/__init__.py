"""The tables of the monitors: which there are, and what they were called."""
