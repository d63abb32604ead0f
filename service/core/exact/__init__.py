"""Sums of floats that are exact in any order."""
