"""Pure data and its arithmetic: rows, profiles, windows, labels. No I/O, clock or logging."""
