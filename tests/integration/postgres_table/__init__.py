"""Tables that grow, on a real server."""
