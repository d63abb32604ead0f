"""Tables that grow, without a server."""
