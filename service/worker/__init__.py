"""The second process: measures that are too slow or too large for the service's own."""
