"""One file per table format: how it is recognised, opened and parsed."""
