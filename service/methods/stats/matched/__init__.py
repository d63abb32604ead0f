"""Distances and tests of a window against a season-matched reference, whose counts are no whole numbers.

The formulas are those of the robust definitions. Counts of the reference are effective rows: a test takes
their sum, (sum of weights)**2 / (sum of their squares), for the reference's size.
"""
