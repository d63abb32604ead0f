"""Post events to people's own systems."""
