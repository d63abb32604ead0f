"""The dummy source: random rows in a table of their own, and the reference drawn like them."""
