"""What is reachable by HTTP."""
