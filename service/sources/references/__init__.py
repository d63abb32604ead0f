"""What windows are compared with: the kinds of reference that belong to no one source."""
