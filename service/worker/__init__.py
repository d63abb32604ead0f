"""The worker process, for what takes too much time or memory in the service's own process."""
