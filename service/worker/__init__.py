"""The worker process: what is too slow, or needs too much memory, for the service's own process."""
