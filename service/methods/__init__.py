"""What is measured of a window: pure functions of profiles."""
