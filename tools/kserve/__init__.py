"""Captures of what KServe's own agent sends, for the tests that replay them."""
