"""Take in rows that are sent, and make references of the first of them."""
