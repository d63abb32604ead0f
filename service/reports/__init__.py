"""Evidently's HTML report of a window, made in the worker process."""
