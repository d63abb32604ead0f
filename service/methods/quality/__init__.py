"""Data quality of columns and of the arrival of rows."""
