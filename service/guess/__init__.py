"""Guesses of what the columns of a table are: kinds by content, time, id, target and prediction by name."""
