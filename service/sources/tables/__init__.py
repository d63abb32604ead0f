"""Files and frames to typed rows."""
