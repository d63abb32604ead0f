"""Typed rows: schema, batch, take."""
