"""The files source: files that appear in a folder, each taken once."""
