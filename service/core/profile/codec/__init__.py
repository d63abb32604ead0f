"""Profiles as bytes, and back."""
