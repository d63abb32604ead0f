"""Data drift of columns, alone and together."""
