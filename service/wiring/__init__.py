"""Build the running parts and connect them."""
