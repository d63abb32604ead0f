"""Take in monitors that are sent."""
