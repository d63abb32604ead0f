"""The changes that a scenario can make to a stream of rows: one seeded function each (`registry.py`)."""
