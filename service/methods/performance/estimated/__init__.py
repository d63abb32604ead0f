"""Performance expected before labels come."""
