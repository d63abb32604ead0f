"""One cycle of one monitor, from take to commit."""
