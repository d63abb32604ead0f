"""Several replicas over one database: killed, paused, added; the database itself says who wrote what."""
