"""Concept drift: the error's split and change points."""
