"""YAML files that people write: read within bounds, and merged with what they share."""
