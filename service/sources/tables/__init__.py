"""From files and data frames to typed rows."""
