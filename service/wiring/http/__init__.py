"""Wires the HTTP API: its parts, who may come in, and how it is imported and served."""
