"""The gate before every route, and the form by which a browser signs in."""
