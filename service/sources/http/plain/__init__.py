"""Reads small JSON requests at once, on the event loop, where they hold nothing but plain values."""
