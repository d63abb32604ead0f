"""The pure middle: what is kept of rows, how it merges, which windows it makes. No I/O, clock or logging."""
