"""What can happen to a stream of rows: one small, seeded function a change (`registry.py` lists them)."""
