"""Takes in rows and labels that are sent: read, made durable, and only then acknowledged."""
