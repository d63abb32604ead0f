"""The client against the service, each in a process of its own."""
