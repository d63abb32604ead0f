"""Tables of what was derived from a monitor's reference, and stays as it is while the reference does."""
