"""What the records of a file are: one module for each format, a line for each in `registry.py`."""
