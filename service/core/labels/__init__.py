"""Labels that come after their rows."""
